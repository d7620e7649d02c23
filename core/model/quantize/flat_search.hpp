#pragma once

#include "core/model/quantize/grid_lanes.hpp"
#include "plugins/sdk/block_codec.hpp"

// Scales of least square error for blocks of one scale, Q8_0 and Q4_0. Every scale tried is one
// that f16 has, and the plain codec's is among them, so the error is never larger than the codec's.
namespace synfire::quantize {

// Steps at which the extreme value would be the code `from`, ..., `to`.
template <typename Lanes>
void fill_steps(Lanes& lanes, std::size_t first, std::size_t n, float extreme, float from,
                float to) {
  for (std::size_t k = 0; k < n; ++k) {
    const float code = from + (to - from) * static_cast<float>(k) / static_cast<float>(n - 1);
    lanes.step[first + k] = block_codec::f16(extreme / code);
  }
}

// A smaller step costs where it clips the extreme value; a larger one is rougher, but of many some
// meet the values by luck: sums over 32 values spread by 16 %.
inline void encode_q8_0(const float* values, std::byte* block) {
  const float extreme = block_codec::extremes(values, 32).magnitude();
  GridLanes<32> lanes{.low = -127, .high = 127};
  fill_steps(lanes, 0, 31, extreme, 127.5F, 116.0F);
  lanes.step[31] = block_codec::f16(extreme / 127);
  lanes.measure(values, 32);
  block_codec::Q8_0::encode_with(lanes.step[lanes.best()], values, block);
}

// Codes go from -8 to 7, so the sign of the step decides which end reaches further.
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
