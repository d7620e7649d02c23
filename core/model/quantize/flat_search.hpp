#pragma once

#include <cstddef>

#include "core/model/quantize/grid_lanes.hpp"
#include "plugins/sdk/block_codec.hpp"

// Blocks with one scale of least square error: Q8_0 and Q4_0. Every scale tried is one that f16
// has, and the plain codec's is among them, so no error is larger than the codec's.
//
// A step that suits the extreme value exactly is rarely the best. A smaller one clips that value
// and is finer for the rest; a larger one is rougher, but the sum of 32 squared errors spreads by
// 16 % from step to step, so the least of many lies well under the mean.
namespace synfire::quantize {

// Lanes [first, first + n): steps at which `extreme` is the code `from`, ..., `to`.
template <typename Lanes>
void fill_steps(Lanes& lanes, std::size_t first, std::size_t n, float extreme, float from,
                float to) {
  const float stride = (to - from) / static_cast<float>(n - 1);
  for (std::size_t k = 0; k < n; ++k)
    lanes.step[first + k] = block_codec::f16(extreme / (from + stride * static_cast<float>(k)));
}

inline void encode_q8_0(const float* values, std::byte* block) {
  const float extreme = block_codec::extremes(values, 32).magnitude();
  GridLanes<32> lanes{.low = -127, .high = 127};
  fill_steps(lanes, 0, 31, extreme, 127.5F, 116.0F);
  lanes.step[31] = block_codec::f16(extreme / 127);
  lanes.measure(values, 32);
  block_codec::Q8_0::encode_with(lanes.step[lanes.best()], values, block);
}

// Codes go from -8 to 7: the sign of the step decides which end reaches further.
inline void encode_q4_0(const float* values, std::byte* block) {
  const float extreme = block_codec::first_extreme(values, 32);
  GridLanes<48> lanes{.low = -8, .high = 7};
  fill_steps(lanes, 0, 24, extreme, -9.2F, -5.5F);
  fill_steps(lanes, 24, 23, extreme, 8.2F, 5.0F);
  lanes.step[47] = block_codec::f16(extreme / -8);
  lanes.measure(values, 32);
  block_codec::Q4_0::encode_with(lanes.step[lanes.best()], values, block);
}

}  // namespace synfire::quantize
