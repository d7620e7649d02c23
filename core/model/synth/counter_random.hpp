#pragma once

#include <cstdint>

namespace synfire::synth {

// Random bits by name instead of by turn: any thread asks for any of them in any order.
// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

class CounterRandom {
 public:
  constexpr explicit CounterRandom(std::uint64_t seed) : key_(mix_bits(seed)) {}

  [[nodiscard]] constexpr std::uint64_t bits(std::uint64_t index) const {
    return mix_bits(key_ ^ mix_bits(index));
  }
  // Evenly below `n`, up to a bias of n / 2^32.
  [[nodiscard]] constexpr std::uint32_t below(std::uint32_t n, std::uint64_t index) const {
    return static_cast<std::uint32_t>((bits(index) >> 32) * n >> 32);
  }
  // The generator of a part: a tensor, a row of it.
  [[nodiscard]] constexpr CounterRandom part(std::uint64_t index) const {
    return CounterRandom(bits(index));
  }

 private:
  std::uint64_t key_;
};

}  // namespace synfire::synth
