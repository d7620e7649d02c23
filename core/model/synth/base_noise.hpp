#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/synth/counter_random.hpp"

namespace synfire::synth {

// Some MiB of nearly normal numbers, of which everything random in a model is cut at random places:
// mean 0, variance 1. Immutable; any thread reads it.
class BaseNoise {
 public:
  static constexpr std::uint32_t kValues = 1U << 20;

  // `longest`: of the cuts.
  BaseNoise(CounterRandom random, std::uint32_t longest);

  [[nodiscard]] std::span<const float> all() const { return {values_.data(), kValues}; }
  // `n` numbers at a place that `bits` chooses.
  [[nodiscard]] std::span<const float> cut(std::uint64_t bits, std::uint32_t n) const {
    return {values_.data() + bits % kValues, n};
  }

 private:
  std::vector<float> values_;  // kValues, then the first `longest` of them again
};

}  // namespace synfire::synth
