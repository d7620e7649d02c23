#pragma once

#include <filesystem>
#include <string>

#include "core/base/option_values.hpp"
#include "core/config/plan_file.hpp"
#include "core/engine/engine.hpp"

namespace synfire::cli {

// Where `synfire plan` leaves a plan for this machine, and where run, serve and bench look for one.
[[nodiscard]] std::filesystem::path plan_sidecar(const std::filesystem::path& model);

// The plan that a command follows: the one that is named; else, where nothing else is said of
// devices, the one that `synfire plan` left beside the model for this machine. Empty: none.
[[nodiscard]] std::string followed_plan(const OptionValues& values);

// Puts what that plan says into the configuration. Its devices are those of --device, or, where
// that is not given, its own in the order in which it names them.
Status apply_plan_option(const OptionValues& values, EngineConfig& config);

// The same of a plan that is there; `name`: of it, for errors.
Status apply_plan(const PlanFile& plan, const std::string& name, EngineConfig& config);

}  // namespace synfire::cli
