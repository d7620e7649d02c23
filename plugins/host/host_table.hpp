#pragma once

#include <functional>
#include <string_view>

#include "core/base/log.hpp"
#include "core/base/status.hpp"
#include "plugins/abi/synfire_plugin.h"

namespace synfire::host {

// The table that every plugin gets: errors and log. One per process, never goes away, any thread.
[[nodiscard]] const sf_host& host_table();

// The error as a Status, `context: ` in front of its text; destroys the error. NULL is success. Any
// thread.
[[nodiscard]] Status take_error(sf_error* error, std::string_view context);

// Where lines of plugins go. Called from any thread, also from several at once.
using LogSink =
    std::function<void(log::Level level, std::string_view plugin, std::string_view message)>;

// Replaces the sink of the process; an empty one gives the process's log back. Any thread.
void set_log_sink(LogSink sink);

}  // namespace synfire::host
