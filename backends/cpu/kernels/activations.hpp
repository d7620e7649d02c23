#pragma once

#include <cstddef>
#include <cstdint>

namespace synfire::cpu {

// The tokens that weights are multiplied with, prepared once for all rows of a matrix. Borrowed.
struct Activations {
  const float* values;        // [tokens, stride]
  std::size_t stride;         // floats from token to token
  const std::int8_t* quants;  // [tokens, cols]: value = scale * quant; null for float weights
  const float* scales;        // [tokens, cols / 32]
  const std::int32_t* sums;   // [tokens, cols / 16]: sums of 16 quants
};

}  // namespace synfire::cpu
