#pragma once

#include <cstddef>
#include <cstdint>

namespace synfire::cpu {

// Elements of a row that packed formats keep together: 8 blocks of 32.
inline constexpr std::uint32_t kUnit = 256;

inline constexpr std::uint32_t kUnitBlocks = 8;

constexpr std::uint32_t units_of(std::uint32_t cols) { return (cols + kUnit - 1) / kUnit; }

// Blocks of a row's last unit: 2 or 4, where the row has no more left, or all 8.
constexpr std::uint32_t last_blocks(std::uint32_t cols) {
  const std::uint32_t left = cols % kUnit;
  return left == 0 || left > kUnit / 2 ? kUnitBlocks : left > kUnit / 4 ? 4 : 2;
}

// Where element `i` of a unit lies among its quants: first elements 0..3 of all blocks, then
// elements 4..7, and so on. So each 32-bit lane of a vector belongs to one block, and integer dots
// of a block end up in one lane without a shuffle. In a last unit of 2 or 4 blocks, each has 4 or 2
// of every 8 lanes: a kernel that knows nothing of it may take such a unit, filled up with zeros,
// for a whole one whose scales repeat.
constexpr std::uint32_t packed_place(std::uint32_t i, std::uint32_t blocks = kUnitBlocks) {
  return i % 32 / 4 * (4 * blocks) + i / 32 * 4 + i % 4;
}
// The same of element `i` of a row.
constexpr std::uint32_t place_in_row(std::uint32_t i, std::uint32_t cols) {
  const bool last = i / kUnit + 1 == units_of(cols);
  return i / kUnit * kUnit + packed_place(i % kUnit, last ? last_blocks(cols) : kUnitBlocks);
}

// Tokens whose 16-bit quants lie side by side: a vector's lanes.
inline constexpr std::uint32_t kWideTokens = 16;

// Columns of BF16 rows that a tile holds.
inline constexpr std::uint32_t kHalfStep = 32;

constexpr std::uint32_t half_steps_of(std::uint32_t cols) {
  return (cols + kHalfStep - 1) / kHalfStep;
}

constexpr std::uint32_t wide_blocks_of(std::uint32_t n_tokens) {
  return (n_tokens + kWideTokens - 1) / kWideTokens;
}

// Tokens that few rows of weights multiply at once.
inline constexpr std::uint32_t kEight = 8;

// A block of 32 columns of up to eight tokens, as Q4_0 rows that are lanes take it: what each of
// them brings is a memory operand at a fixed distance.
struct EightTokens {
  std::int8_t quants[8][kEight][4];  // columns by four
  float scales[kEight];
  std::int32_t starts[kEight];  // minus 8, which is a nibble's zero, times the sum of the quants
};

constexpr std::uint32_t eights_of(std::uint32_t n_tokens) {
  return (n_tokens + kEight - 1) / kEight;
}

// The tokens that weights are multiplied with, prepared once for all rows of a matrix. Borrowed.
// Quants of the last unit are zero where the row has ended. Where that has `b` blocks, fewer than
// 8, scale i is the one of block i % b; sum i is that of lane i, and second halves are zero.
struct Activations {
  const float* values;        // [tokens, stride]
  std::size_t stride;         // floats from token to token
  const std::int8_t* quants;  // [tokens, units, 256] in packed order: value = scale * quant; null
                              // for float weights
  const float* scales;        // [tokens, units, 8]
  const std::int32_t* sums;   // [tokens, units, 2, 8]: of each half block's quants
  // For many tokens; null otherwise. All in blocks of kWideTokens tokens, the last filled up with
  // zeros.
  // Rows of half floats: [blocks, units, 128 pairs of columns, kWideTokens, 2], value = scale *
  // quant; with tiles, in an order of the level's own.
  const std::int16_t* wide_quants;
  const float* wide_scales;  // [blocks, units, kWideTokens]
  // Tiles and quantized rows, the same quants again: [blocks, 8 blocks of units, units, 8 fours of
  // elements, kWideTokens, 4].
  const std::int8_t* tile_quants = nullptr;
  const float* tile_scales = nullptr;  // [blocks, 8, units, kWideTokens]
  const float* tile_sums = nullptr;    // the same shape: of the values
  // Tiles and BF16 rows, value = sum of two terms: [blocks, half_steps_of(cols), 2 terms, 16 pairs
  // of columns, kWideTokens, 2].
  const std::uint16_t* halves = nullptr;
  // Two tokens and more, and Q4_0 rows that are lanes: [tokens by kEight, 8 blocks of units,
  // units].
  const EightTokens* eights = nullptr;
};

}  // namespace synfire::cpu
