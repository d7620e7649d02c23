#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

// What a run of values costs on many grids at once, a lane for each grid. Plain loops over lanes,
// which compilers make vectors of; lanes never meet, so every processor gives the same bits.
namespace synfire::quantize {

// The integer nearest to `value`, in [low, high]: block_codec::nearest without its division.
inline float nearest_code(float value, float low, float high) {
  constexpr float kNoFraction = 12582912.0F;
  const float above = value > low ? value : low;
  const float within = above < high ? above : high;
  return (within + kNoFraction) - kNoFraction;
}

inline float inverse_of(float step) { return step == 0 ? 0 : 1 / step; }

// Grids step * code - offset, code an integer in [low, high]. Of 32 lanes or more: for 16 alone
// g++ 12 makes no vectors.
template <std::size_t kLanes>
struct GridLanes {
  static constexpr std::size_t kSize = kLanes;

  float low, high;
  alignas(64) float step[kLanes] = {};
  alignas(64) float offset[kLanes] = {};
  alignas(64) float error[kLanes] = {};  // sum of squares, once measured

  void measure(const float* values, std::size_t n) {
    alignas(64) float inverse[kLanes];
    for (std::size_t k = 0; k < kLanes; ++k) inverse[k] = inverse_of(step[k]);
    for (std::size_t first = 0; first < kLanes; first += kVector)
      measure_vector(values, n, inverse, first);
  }
  // The first lane of least error; an error that is no number is none.
  [[nodiscard]] std::size_t best() const {
    std::size_t found = 0;
    float least = std::numeric_limits<float>::infinity();
    for (std::size_t k = 0; k < kLanes; ++k)
      if (error[k] < least) {
        found = k;
        least = error[k];
      }
    return found;
  }

 private:
  static constexpr std::size_t kVector = 16;  // lanes whose sums stay in registers
  static_assert(kLanes % kVector == 0 && kLanes > kVector);

  void measure_vector(const float* values, std::size_t n, const float* inverse, std::size_t first) {
    alignas(64) float sum[kVector] = {};
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < kVector; ++k) {
        const float shifted = values[i] + offset[first + k];
        const float code = nearest_code(shifted * inverse[first + k], low, high);
        const float miss = shifted - step[first + k] * code;
        sum[k] += miss * miss;
      }
    std::copy(sum, sum + kVector, error + first);
  }
};

}  // namespace synfire::quantize
