#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "core/model/quantize/grid_lanes.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::quantize {

// 32 values as step * code - minimum, codes 0 to 15, minimum at least 0.
struct Line {
  float step = 0, minimum = 0;
};

// Nearly the line of least square error: of several ways to share out the codes, each with the line
// that fits it best, the best.
class LineSearch {
 public:
  static Line best(const float* values) {
    const auto [least, most] = block_codec::extremes(values, 32);
    const float low = std::min(least, 0.0F);
    const float range = std::max(most, 0.0F) - low;
    if (!(range > 0)) return {};
    LineSearch search;
    search.share_out(values, low, range);
    return search.best_fit(values);
  }

 private:
  static constexpr std::size_t kTries = 32, kVector = 16;
  // Code of the largest value at the roughest and the finest step.
  static constexpr float kRoughest = 12.5F, kFinest = 17.0F;

  // Sums over the values, a lane for each try: of codes, of their squares, of code times value.
  void share_out(const float* values, float low, float range) {
    alignas(64) float inverse[kTries];
    for (std::size_t k = 0; k < kTries; ++k)
      inverse[k] =
          (kRoughest + (kFinest - kRoughest) * static_cast<float>(k) / (kTries - 1)) / range;
    for (std::size_t first = 0; first < kTries; first += kVector)
      for (std::size_t i = 0; i < 32; ++i) {
        const float shifted = values[i] - low;
        for (std::size_t k = first; k < first + kVector; ++k) {
          const float code = nearest_code(shifted * inverse[k], 0, 15);
          codes_[k] += code;
          squares_[k] += code * code;
          products_[k] += code * values[i];
        }
      }
  }
  [[nodiscard]] Line best_fit(const float* values) const {
    float sum = 0, square = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      sum += values[i];
      square += values[i] * values[i];
    }
    Line found;
    float least = std::numeric_limits<float>::infinity();
    for (std::size_t k = 0; k < kTries; ++k) {
      const Line line = fit(k, sum);
      const float error = square - line.step * products_[k] + line.minimum * sum;
      if (!(error < least)) continue;
      least = error;
      found = line;
    }
    return found;
  }
  // Least squares, with the minimum held at 0 where it would be under.
  [[nodiscard]] Line fit(std::size_t k, float sum) const {
    const float determinant = 32 * squares_[k] - codes_[k] * codes_[k];
    if (determinant > 0) {
      const float step = (32 * products_[k] - codes_[k] * sum) / determinant;
      const float minimum = (step * codes_[k] - sum) / 32;
      if (minimum >= 0) return {step, minimum};
    }
    if (squares_[k] > 0) return {products_[k] / squares_[k], 0};
    return {0, std::max(-sum / 32, 0.0F)};  // all at the minimum
  }

  alignas(64) float codes_[kTries] = {};
  alignas(64) float squares_[kTries] = {};
  alignas(64) float products_[kTries] = {};
};

}  // namespace synfire::quantize
