#include "backends/cpu/cpu_weights.hpp"

#include <algorithm>

#include "backends/cpu/packed_rows.hpp"

namespace synfire::cpu {
namespace {

constexpr std::size_t kRowsPerChunk = 16;

}  // namespace

CpuWeights::CpuWeights(const sf_tensor_desc& desc, WeightArena& arena, ThreadTeam& team)
    : HostWeights(desc), stride_(packed_stride(dtype, cols)) {
  if ((desc.flags & SF_TENSOR_LOOKUP) != 0) return;
  memory_ = arena.allocate(rows * stride_);
  team.parallel_for((rows + kRowsPerChunk - 1) / kRowsPerChunk,
                    [&](std::size_t chunk, std::size_t) {
                      const std::size_t first = chunk * kRowsPerChunk;
                      for (std::size_t r = first; r < std::min(first + kRowsPerChunk, rows); ++r)
                        pack_row(dtype, row(r), cols, memory_.data() + r * stride_);
                    });
  if (rows == 1) return;  // a vector more likely than a matrix of one row: good for both
  owned = sdk::AlignedBytes();
  data = nullptr;
}

}  // namespace synfire::cpu
