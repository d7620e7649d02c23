#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "plugins/abi/synfire_backend.h"
#include "plugins/sdk/ops.h"

namespace synfire::sdk {

// Where each value of a stage lies: in one scratch buffer, where values whose lives do not meet
// share bytes, or in a port. Rows that are copied to an output port are made there in the first
// place, so that the copy costs nothing.
struct ScratchPlan {
  static constexpr std::size_t kPort = SIZE_MAX;  // a port has no scratch

  std::vector<std::size_t> offsets;  // by value; kPort for what lies in a port
  std::vector<std::uint32_t> homes;  // by value: the port that it lies in, or itself
  std::size_t total = 0;             // bytes

  // `sizes` in bytes, by value. `steps`, by op, not falling: ops of one step run at once, so their
  // operands share nothing. First fit among freed slots, in op order.
  static ScratchPlan make(const sf_stage_desc& stage, std::span<const std::size_t> sizes,
                          std::span<const std::uint32_t> steps);

 private:
  // Rows lie in the first port that they are copied to. Lists are copied: their form depends on the
  // batch, and they are short.
  void settle_in_ports(const sf_stage_desc& stage) {
    for (const sf_op& op : std::span(stage.ops, stage.n_ops)) {
      if (op.id != SF_OP_COPY) continue;
      const std::uint32_t from = op.inputs[0], to = op.outputs[0];
      if (offsets[to] != kPort || offsets[from] == kPort) continue;
      if (stage.values[from].kind == SF_VALUE_ACTIVE) continue;
      homes[from] = to;
      offsets[from] = kPort;
    }
  }
};

inline ScratchPlan ScratchPlan::make(const sf_stage_desc& stage, std::span<const std::size_t> sizes,
                                     std::span<const std::uint32_t> steps) {
  struct Slot {
    std::size_t offset, bytes;
    std::uint32_t free_after;  // step after which it is free again
  };
  std::vector<std::uint32_t> last_use(stage.n_values, 0);
  for (std::uint32_t op = 0; op < stage.n_ops; ++op) {
    for (std::uint32_t i = 0; i < stage.ops[op].n_inputs; ++i)
      if (const std::uint32_t value = stage.ops[op].inputs[i]; value != SF_NONE)
        last_use[value] = steps[op];
    for (std::uint32_t i = 0; i < stage.ops[op].n_outputs; ++i)
      last_use[stage.ops[op].outputs[i]] = steps[op];
  }
  ScratchPlan plan{std::vector<std::size_t>(stage.n_values, 0),
                   std::vector<std::uint32_t>(stage.n_values), 0};
  std::iota(plan.homes.begin(), plan.homes.end(), 0U);
  for (std::uint32_t i = 0; i < stage.n_inputs; ++i) plan.offsets[stage.inputs[i]] = kPort;
  for (std::uint32_t i = 0; i < stage.n_outputs; ++i) plan.offsets[stage.outputs[i]] = kPort;
  plan.settle_in_ports(stage);
  std::vector<Slot> slots;
  const auto place = [&](std::uint32_t value, std::uint32_t step) -> std::size_t {
    const std::size_t bytes = (sizes[value] + 63) / 64 * 64;
    for (Slot& slot : slots) {
      if (slot.free_after >= step || slot.bytes < bytes) continue;
      slot.free_after = last_use[value];
      return slot.offset;
    }
    slots.push_back({plan.total, bytes, last_use[value]});
    plan.total += bytes;
    return slots.back().offset;
  };
  for (std::uint32_t op = 0; op < stage.n_ops; ++op)
    for (std::uint32_t i = 0; i < stage.ops[op].n_outputs; ++i)
      if (const std::uint32_t value = stage.ops[op].outputs[i]; plan.offsets[value] != kPort)
        plan.offsets[value] = place(value, steps[op]);
  return plan;
}

}  // namespace synfire::sdk
