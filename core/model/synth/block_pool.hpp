#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/model/synth/base_noise.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire::synth {

// The base noise at some scale, quantized once: random rows are copies of pieces of it. Pools of
// several scales have the same noise at the same places. Immutable; any thread reads it.
class BlockPool {
 public:
  // `d_model` decides the size of a piece, chunk(): 256 elements, or 32 where rows are no multiple.
  BlockPool(const BaseNoise& noise, DType dtype, float scale, std::uint32_t row_elements);

  [[nodiscard]] std::uint32_t chunk() const { return chunk_; }
  [[nodiscard]] std::size_t chunk_bytes() const { return row_bytes(dtype_, chunk_); }
  // A chunk at a place that `bits` chooses.
  [[nodiscard]] const std::byte* at(std::uint64_t bits) const;
  // That chunk with its first kConstantDims elements replaced by `value`.
  void write_head(std::uint64_t bits, float value, std::byte* out) const;
  [[nodiscard]] DType dtype() const { return dtype_; }

 private:
  [[nodiscard]] std::uint64_t place(std::uint64_t bits) const;

  const BaseNoise& noise_;
  DType dtype_;
  float scale_;
  std::uint32_t chunk_;
  std::vector<std::byte> blocks_;
};

}  // namespace synfire::synth
