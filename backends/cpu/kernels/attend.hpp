#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/kernels/kv_tile.hpp"

namespace synfire::cpu {

// Positions that one partial attention covers, where all slots of its tiles (kv_tile.hpp) are used.
// A constant, so that results depend on the context's length alone.
inline constexpr std::uint32_t kAttendPositions = 256;
// Likewise of wide tiles, which are taken one by one, the softmax of one beside the next.
inline constexpr std::uint32_t kWideAttendPositions = 1024;

constexpr std::uint32_t attend_positions(KvFormat format) {
  return format == KvFormat::wide ? kWideAttendPositions : kAttendPositions;
}

// Keys and values of one KV head at positions first .. first + n - 1.
struct AttendTile {
  const std::byte* keys;
  const std::byte* values;
  std::uint32_t first;
  std::uint32_t n;  // at least 1: the slots that the storage uses
};

// One query head of one token.
struct AttendRow {
  const float* query;         // [head_dim]
  const std::int8_t* quants;  // [head_dim], for Q8_0 keys: the query in 8 bits, blocks of 32
  const float* scales;        // [head_dim / 32]; for wide keys: one
  const std::int32_t* sums;   // [head_dim / 32], of a block's quants
  const std::int16_t* wide;   // [wide_dim], for wide keys: the query in 16 bits
  std::uint32_t length;       // positions that it sees: those before this one
};

// Attention of some rows over tiles of their KV head, at most attend_positions() slots.
struct AttendChunk {
  const AttendTile* tiles;
  std::uint32_t n_tiles;
  std::uint32_t n_ahead;  // tiles that follow in the list, for the next calls: fetched ahead
  const AttendRow* rows;
  std::uint32_t n_rows;
  std::uint32_t head_dim;
  float scale;
  float* partial;  // attend_partial_floats()
};

// A partial result: sums of 2^(score - max) * value [n_rows, head_dim], then max [n_rows] (the
// largest score or a little less, in units of log 2; minus infinity for a row that sees nothing
// here), then sums of 2^(score - max) [n_rows].
constexpr std::size_t attend_partial_floats(std::uint32_t n_rows, std::uint32_t head_dim) {
  return std::size_t{n_rows} * (head_dim + 2);
}

}  // namespace synfire::cpu
