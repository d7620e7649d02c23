#pragma once

#include "backends/cpu/thread_team.hpp"
#include "backends/cpu/weight_arena.hpp"
#include "plugins/sdk/host_memory.hpp"

namespace synfire::cpu {

// A tensor as this backend keeps it. Matrices for products are packed (packed_rows.hpp) by the
// team, each row written by the member that is free; vectors and look-up tables stay as they are.
class CpuWeights : public sdk::HostWeights {
 public:
  CpuWeights(const sf_tensor_desc& desc, WeightArena& arena, ThreadTeam& team);

  [[nodiscard]] bool is_packed() const { return memory_.data() != nullptr; }
  [[nodiscard]] const std::byte* packed_row(std::size_t r) const {
    return memory_.data() + r * stride_;
  }
  [[nodiscard]] std::size_t stride() const { return stride_; }

 private:
  std::size_t stride_;
  WeightMemory memory_;
};

}  // namespace synfire::cpu
