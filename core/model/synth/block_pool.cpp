#include "core/model/synth/block_pool.hpp"

#include <algorithm>
#include <array>

#include "core/model/synth/design.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::synth {
namespace {

constexpr std::uint32_t kLongChunk = 256;

}  // namespace

BlockPool::BlockPool(const BaseNoise& noise, DType dtype, float scale, std::uint32_t row_elements)
    : noise_(noise),
      dtype_(dtype),
      scale_(scale),
      chunk_(row_elements % kLongChunk == 0 ? kLongChunk : kConstantDims),
      blocks_(row_bytes(dtype, BaseNoise::kValues)) {
  std::vector<float> scaled(noise.all().begin(), noise.all().end());
  for (float& value : scaled) value *= scale;
  quantize_row(dtype, scaled.data(), scaled.size(), blocks_.data());
}

// Whole blocks, and the same place in the pools of all scales.
std::uint64_t BlockPool::place(std::uint64_t bits) const {
  const std::uint32_t step = std::max(kConstantDims, dtype_info(dtype_).block_size);
  return bits % ((BaseNoise::kValues - chunk_) / step + 1) * step;
}

const std::byte* BlockPool::at(std::uint64_t bits) const {
  return blocks_.data() + row_bytes(dtype_, place(bits));
}

void BlockPool::write_head(std::uint64_t bits, float value, std::byte* out) const {
  std::array<float, kLongChunk> values;
  const float* const from = noise_.all().data() + place(bits);
  for (std::uint32_t i = 0; i < chunk_; ++i)
    values[i] = i < kConstantDims ? value : scale_ * from[i];
  quantize_row(dtype_, values.data(), chunk_, out);
}

}  // namespace synfire::synth
