#pragma once

#include <string>

#include "core/base/option_values.hpp"
#include "core/config/plan_file.hpp"
#include "core/engine/engine.hpp"

namespace synfire::cli {

// Puts what the file of --plan says into the configuration; nothing without --plan. Its devices are
// those of --device, or, where that is not given, its own in the order in which it names them.
Status apply_plan_option(const OptionValues& values, EngineConfig& config);

// The same of a plan that is there; `name`: of it, for errors.
Status apply_plan(const PlanFile& plan, const std::string& name, EngineConfig& config);

}  // namespace synfire::cli
