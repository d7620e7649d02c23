#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace synfire::test {

// `n` sequences of `length` tokens, the same for a seed everywhere.
inline std::vector<std::vector<std::int32_t>> random_windows(std::size_t n, std::size_t length,
                                                             std::uint32_t n_vocab, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::vector<std::int32_t>> windows(n, std::vector<std::int32_t>(length));
  for (std::vector<std::int32_t>& window : windows)
    for (std::int32_t& token : window) token = static_cast<std::int32_t>(random() % n_vocab);
  return windows;
}

}  // namespace synfire::test
