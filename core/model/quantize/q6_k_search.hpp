#pragma once

#include <cstddef>

#include "core/model/quantize/better_block.hpp"
#include "core/model/quantize/grid_lanes.hpp"
#include "plugins/sdk/block_codec.hpp"

// Q6_K with scales of least square error. Its 16 parts of 16 values have each an integer scale,
// times one d: with d fixed, the best integer of a part is found by trying those that its extreme
// value leaves.
namespace synfire::quantize {

class Q6KSearch {
 public:
  static void encode(const float* values, std::byte* block) {
    encode_better<Codec, 256, 210>(scales_of(values), values, block);
  }

 private:
  using Codec = block_codec::Q6_K;
  static constexpr std::size_t kTries = 16;  // for each sign: codes go from -32 to 31
  // Code of a part's extreme value at its finest and at its roughest step.
  static constexpr float kFinest = 32.4F, kRoughest = 26.0F;
  // The finest step of the part with the largest value, in d's: up to 127 it has some choice too.
  static constexpr float kLargest = 118;

  static Codec::Scales scales_of(const float* values) {
    const float extreme = block_codec::extremes(values, 256).magnitude();
    Codec::Scales scales{block_codec::f16(extreme / kFinest / kLargest)};
    for (std::size_t part = 0; part < 16; ++part)
      scales.step[part] = best_step(values + part * 16, scales.d);
    return scales;
  }
  // Of a part, in d's.
  static int best_step(const float* values, float d) {
    const float extreme = block_codec::first_extreme(values, 16);
    GridLanes<2 * kTries> lanes{.low = -32, .high = 31};
    int steps[2 * kTries];
    for (std::size_t k = 0; k < 2 * kTries; ++k) {
      const float share = static_cast<float>(k % kTries) / (kTries - 1);
      const float code = kFinest + (kRoughest - kFinest) * share;
      steps[k] = block_codec::nearest(extreme / (k < kTries ? -code : code), d, -127, 127);
      lanes.step[k] = d * static_cast<float>(steps[k]);
    }
    lanes.measure(values, 16);
    return steps[lanes.best()];
  }
};

}  // namespace synfire::quantize
