#pragma once

#include <vector>

#include "core/base/result.hpp"
#include "core/engine/assets.hpp"
#include "core/sparsity/planner/plan_problem.hpp"

namespace synfire::cli {

// Devices as they are now: each one's bandwidth alone, then all at the same time, since devices of
// one memory share it.
[[nodiscard]] Result<std::vector<PlanDevice>> measure_devices(
    const std::vector<DeviceChoice>& devices);

}  // namespace synfire::cli
