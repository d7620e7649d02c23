#pragma once

#include <cstdint>

#include "core/runtime/plan_builder.hpp"

namespace synfire {

// Placement `shard`: every device has its heads of each attention, its neurons of each FFN and its
// rows of the output matrix, and computes norms and the residual stream for itself. So only partial
// sums cross, and a layer has two waits, each for what all devices do at the same time: a device
// that kept the residual stream alone would have to send it out again after each.
//
// Partial sums are added in device order on every device.
void compile_shards(PlanBuilder& builder, const Program& program, const Placement& placement,
                    std::uint32_t n_devices);

}  // namespace synfire
