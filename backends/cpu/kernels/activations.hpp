#pragma once

#include <cstddef>
#include <cstdint>

namespace synfire::cpu {

// Elements of a row that packed formats keep together: 8 blocks of 32.
inline constexpr std::uint32_t kUnit = 256;

constexpr std::uint32_t units_of(std::uint32_t cols) { return (cols + kUnit - 1) / kUnit; }

// Where element `i` of a unit lies among its quants: first elements 0..3 of all 8 blocks, then
// elements 4..7, and so on. So each 32-bit lane of a vector belongs to one block, and integer dots
// of a block end up in one lane without a shuffle.
constexpr std::uint32_t packed_place(std::uint32_t i) {
  return i % 32 / 4 * 32 + i / 32 * 4 + i % 4;
}

// Tokens whose 16-bit quants lie side by side: a vector's lanes.
inline constexpr std::uint32_t kWideTokens = 16;

constexpr std::uint32_t wide_blocks_of(std::uint32_t n_tokens) {
  return (n_tokens + kWideTokens - 1) / kWideTokens;
}

// The tokens that weights are multiplied with, prepared once for all rows of a matrix. Borrowed.
// Quants of the last unit are zero where the row has ended.
struct Activations {
  const float* values;        // [tokens, stride]
  std::size_t stride;         // floats from token to token
  const std::int8_t* quants;  // [tokens, units, 256] in packed order: value = scale * quant; null
                              // for float weights
  const float* scales;        // [tokens, units, 8]
  const std::int32_t* sums;   // [tokens, units, 2, 8]: of each half block's quants
  // For many tokens and rows of half floats; null otherwise. Blocks of kWideTokens tokens, the last
  // filled up with zeros: [blocks, units, 128 pairs of columns, kWideTokens, 2].
  const std::int16_t* wide_quants;  // value = scale * quant
  const float* wide_scales;         // [blocks, units, kWideTokens]
};

}  // namespace synfire::cpu
