#pragma once

#include <cstddef>
#include <random>
#include <vector>

namespace synfire {

// Numbers of mean 0 and deviation 1, the same for the same seed.
inline std::vector<float> normals(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace synfire
