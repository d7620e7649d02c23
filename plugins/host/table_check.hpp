#pragma once

#include "core/base/status.hpp"
#include "plugins/abi/synfire_plugin.h"
#include "plugins/host/plugin_record.hpp"

namespace synfire::host {

// Checks a plugin's tables before anything of it is called: sizes, version, kind, names, functions.
// Reads name, version, description and ABI version into `record` as far as they are to be trusted.
Status check_table(const sf_plugin* table, PluginRecord& record);

}  // namespace synfire::host
