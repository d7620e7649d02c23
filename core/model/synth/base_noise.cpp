#include "core/model/synth/base_noise.hpp"

namespace synfire::synth {
namespace {

// The sum of four bytes: bounded, symmetric, near enough to normal.
float normal_of(std::uint32_t bits) {
  constexpr float kMean = 4 * 127.5F;
  constexpr float kDeviation = 147.80054F;  // sqrt(4 * (256^2 - 1) / 12)
  const std::uint32_t sum = (bits & 0xff) + (bits >> 8 & 0xff) + (bits >> 16 & 0xff) + (bits >> 24);
  return (static_cast<float>(sum) - kMean) / kDeviation;
}

}  // namespace

BaseNoise::BaseNoise(CounterRandom random, std::uint32_t longest) : values_(kValues + longest) {
  for (std::uint32_t i = 0; i < kValues; i += 2) {
    const std::uint64_t bits = random.bits(i);
    values_[i] = normal_of(static_cast<std::uint32_t>(bits));
    values_[i + 1] = normal_of(static_cast<std::uint32_t>(bits >> 32));
  }
  for (std::uint32_t i = 0; i < longest; ++i) values_[kValues + i] = values_[i % kValues];
}

}  // namespace synfire::synth
