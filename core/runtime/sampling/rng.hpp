#pragma once

#include <array>
#include <cstdint>

namespace synfire {

// Random numbers that are the same on every machine: xoshiro256** (Blackman and Vigna, 2018),
// seeded by splitmix64. Plain data: a copy goes on as the original would have, which is how a
// request is replayed.
class Rng {
 public:
  explicit Rng(std::uint64_t seed = 0);
  explicit Rng(const std::array<std::uint64_t, 4>& state) : state_(state) {}  // not all zero

  [[nodiscard]] std::uint64_t next();
  [[nodiscard]] double uniform();  // [0, 1), 53 bits

  [[nodiscard]] const std::array<std::uint64_t, 4>& state() const { return state_; }
  friend bool operator==(const Rng&, const Rng&) = default;

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace synfire
