#pragma once

#include <vector>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/thread_team.hpp"
#include "backends/cpu/weight_arena.hpp"
#include "plugins/sdk/host_memory.hpp"

namespace synfire::cpu {

// A tensor as this backend keeps it. Matrices for products are packed (packed_rows.hpp), or lanes
// (lane_rows.hpp), by the team, each tile written by the member that is free; vectors and look-up
// tables stay as they are.
class CpuWeights : public sdk::HostWeights {
 public:
  CpuWeights(const sf_tensor_desc& desc, const KernelTable& kernels, WeightArena& arena,
             ThreadTeam& team);

  // In memory of the arena, in either layout.
  [[nodiscard]] bool is_packed() const { return memory_.data() != nullptr; }
  [[nodiscard]] bool is_lanes() const { return lanes_; }
  // Bytes of a row there; from row to row, where rows are packed.
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] const std::byte* packed_row(std::size_t r) const {
    return memory_.data() + r * stride_;
  }
  // Rows kTileRows i and following, of lanes.
  [[nodiscard]] const std::byte* lane_tile(std::size_t i) const {
    return memory_.data() + i * kTileRows * stride_;
  }
  // The elements of a tensor of one row.
  [[nodiscard]] const float* vector() const { return vector_.data(); }
  // A row of is_packed() as floats.
  void decode(const KernelTable& kernels, std::size_t r, float* values) const;

 private:
  void keep_vector();
  void pack_tile(std::size_t tile);

  bool lanes_;
  std::size_t stride_;
  WeightMemory memory_;
  std::vector<float> vector_;  // empty where there are more rows than one
};

}  // namespace synfire::cpu
