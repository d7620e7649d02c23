#pragma once

#include "core/base/option_values.hpp"
#include "core/engine/engine.hpp"

namespace synfire::cli {

// Puts what the file of --plan says into the configuration; nothing without --plan. Its devices are
// those of --device, or, where that is not given, its own in the order in which it names them.
Status apply_plan_option(const OptionValues& values, EngineConfig& config);

}  // namespace synfire::cli
