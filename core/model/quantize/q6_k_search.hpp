#pragma once

#include <cmath>

#include "core/model/quantize/grid_lanes.hpp"
#include "plugins/sdk/block_codec.hpp"

// Scales of least square error for a block of Q6_K: 16 parts of 16 values, each with an integer
// scale of 8 bits times one f16 d.
namespace synfire::quantize {

// Error of a whole block once it is encoded.
template <typename Codec>
double encoded_error(const std::byte* block, const float* values) {
  float decoded[256];
  Codec::decode(block, decoded);
  double sum = 0;
  for (std::size_t i = 0; i < 256; ++i) {
    const double miss = static_cast<double>(values[i]) - static_cast<double>(decoded[i]);
    sum += miss * miss;
  }
  return sum;
}

class Q6KSearch {
 public:
  static void encode(const float* values, std::byte* block) {
    using Codec = block_codec::Q6_K;
    std::byte searched[kBlockBytes];
    Codec::encode_with(scales_of(values), values, searched);
    Codec::encode(values, block);
    if (encoded_error<Codec>(searched, values) < encoded_error<Codec>(block, values))
      std::copy(searched, searched + kBlockBytes, block);
  }

 private:
  static constexpr std::size_t kBlockBytes = 210;
  static constexpr std::size_t kSteps = 16;    // tried for each sign
  static constexpr float kReach = 32.4F;       // code that the extreme of a part has at least step
  static constexpr float kCoarsest = 26;       // and at the largest
  static constexpr float kLargestStep = 118;   // of 127: leaves the extreme part some choice too

  // d so that the part of the largest value has its finest step at kLargestStep * kCoarsest /
  // kReach.
  static block_codec::Q6_K::Scales scales_of(const float* values) {
    const float extreme = block_codec::extremes(values, 256).magnitude();
    block_codec::Q6_K::Scales scales{block_codec::f16(extreme / kReach / kLargestStep), {}};
    for (std::size_t part = 0; part < 16; ++part)
      scales.step[part] = step_of(values + part * 16, scales.d);
    return scales;
  }
  // Of a part, in d's. Codes go from -32 to 31, so both signs are tried.
  static int step_of(const float* values, float d) {
    const float extreme = block_codec::first_extreme(values, 16);
    GridLanes<2 * kSteps> lanes{.low = -32, .high = 31};
    int steps[2 * kSteps];
    for (std::size_t k = 0; k < 2 * kSteps; ++k) {
      const float share = static_cast<float>(k % kSteps) / (kSteps - 1);
      const float code = kReach + (kCoarsest - kReach) * share;
      steps[k] = block_codec::nearest(extreme / (k < kSteps ? -code : code), d, -127, 127);
      lanes.step[k] = d * static_cast<float>(steps[k]);
    }
    lanes.measure(values, 16);
    return steps[lanes.best()];
  }
};

}  // namespace synfire::quantize
