#include "backends/cpu/cpu_weights.hpp"

#include <algorithm>

#include "backends/cpu/lane_rows.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "backends/cpu/packed_rows.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::cpu {

CpuWeights::CpuWeights(const sf_tensor_desc& desc, const KernelTable& kernels, WeightArena& arena,
                       ThreadTeam& team)
    : HostWeights(desc),
      lanes_(keeps_lanes(kernels, dtype, rows, cols)),
      stride_(lanes_ ? row_bytes : packed_stride(dtype, cols)) {
  if (rows == 1) keep_vector();
  if ((desc.flags & SF_TENSOR_LOOKUP) != 0) return;
  const std::size_t tiles = (rows + kTileRows - 1) / kTileRows;
  memory_ = arena.allocate((lanes_ ? tiles * kTileRows : rows) * stride_);
  team.parallel_for(tiles, [&](std::size_t tile, std::size_t) { pack_tile(tile); });
  if (rows == 1) return;  // a vector more likely than a matrix of one row: good for both
  owned = sdk::AlignedBytes();
  data = nullptr;
}

void CpuWeights::keep_vector() {
  vector_.resize(cols);
  dequantize_row(dtype, data, cols, vector_.data());
}

void CpuWeights::pack_tile(std::size_t tile) {
  const std::size_t first = tile * kTileRows;
  const std::size_t n = std::min<std::size_t>(rows - first, kTileRows);
  std::byte* const to = memory_.data() + first * stride_;
  if (lanes_) return pack_lane_tile(dtype, row(first), n, cols, to);
  for (std::size_t r = 0; r < n; ++r) pack_row(dtype, row(first + r), cols, to + r * stride_);
}

void CpuWeights::decode(const KernelTable& kernels, std::size_t r, float* values) const {
  const auto width = static_cast<std::uint32_t>(cols);
  if (!lanes_) return row_kernels(kernels, dtype).decode(packed_row(r), width, 0, width, values);
  std::vector<std::byte> bytes(row_bytes);
  unpack_lane_row(dtype, lane_tile(r / kTileRows), r % kTileRows, cols, bytes.data());
  dequantize_row(dtype, bytes.data(), cols, values);
}

}  // namespace synfire::cpu
