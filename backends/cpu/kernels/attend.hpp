#pragma once

#include <cstddef>
#include <cstdint>

namespace synfire::cpu {

// Positions that one partial attention covers. A constant, so that results depend on the context's
// length alone.
inline constexpr std::uint32_t kAttendPositions = 256;

// Attention of the query heads of one KV head over a run of at most kAttendPositions positions.
struct AttendChunk {
  const std::byte* const* keys;    // by position: the key, head_dim elements
  const std::byte* const* values;  // by position
  std::uint32_t n_positions;       // >= 1
  std::uint32_t head_dim;
  std::uint32_t n_queries;
  const float* queries;  // [n_queries, head_dim]
  float scale;
  // [n_queries, head_dim + 2]: sum of exp(score - max) * value, then max, then sum of exp.
  float* partial;
};

}  // namespace synfire::cpu
