#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/model/quantize/better_block.hpp"
#include "core/model/quantize/grid_lanes.hpp"
#include "core/model/quantize/line_search.hpp"
#include "plugins/sdk/block_codec.hpp"

// Q4_K with scales of least square error. Each of its 8 parts of 32 values has a line whose step
// and minimum are 6-bit integers, times one d and one dmin. First the parts' best lines give d and
// dmin; then each part tries the integers around its line; then d and dmin are fitted to all codes,
// and the parts look around once more.
namespace synfire::quantize {

class Q4KSearch {
 public:
  static void encode(const float* values, std::byte* block) {
    encode_better<Codec, 256, 144>(scales_of(values), values, block);
  }

 private:
  using Codec = block_codec::Q4_K;
  using Scales = Codec::Scales;
  using Lines = std::array<Line, 8>;
  static constexpr int kMost = 63;  // of a step or minimum

  static Scales scales_of(const float* values) {
    Lines lines;
    float step = 0, minimum = 0;
    for (std::size_t part = 0; part < 8; ++part) {
      lines[part] = LineSearch::best(values + part * 32);
      step = std::max(step, lines[part].step);
      minimum = std::max(minimum, lines[part].minimum);
    }
    Scales first{block_codec::f16(step / kMost), block_codec::f16(minimum / kMost)};
    const float first_error = look_around<3>(values, lines, first);
    Scales second = fitted(values, first);
    const float second_error = look_around<2>(values, lines_of(second), second);
    return second_error < first_error ? second : first;
  }

  static Lines lines_of(const Scales& scales) {
    Lines lines;
    for (std::size_t part = 0; part < 8; ++part)
      lines[part] = {scales.d * static_cast<float>(scales.step[part]),
                     scales.dmin * static_cast<float>(scales.minimum[part])};
    return lines;
  }

  // Fills the integers: of those up to kRadius from the lines, the best. The error of the block.
  template <int kRadius>
  static float look_around(const float* values, const Lines& lines, Scales& scales) {
    constexpr int kSide = 2 * kRadius + 1;
    float error = 0;
    for (std::size_t part = 0; part < 8; ++part) {
      const int step = block_codec::nearest(lines[part].step, scales.d, 0, kMost);
      const int minimum = block_codec::nearest(lines[part].minimum, scales.dmin, 0, kMost);
      GridLanes<(kSide * kSide + 15) / 16 * 16> lanes{.low = 0, .high = Codec::kMost};
      const auto step_at = [&](std::size_t k) {
        return std::clamp(step + static_cast<int>(k) / kSide % kSide - kRadius, 0, kMost);
      };
      const auto minimum_at = [&](std::size_t k) {
        return std::clamp(minimum + static_cast<int>(k) % kSide - kRadius, 0, kMost);
      };
      for (std::size_t k = 0; k < lanes.kSize; ++k) {
        lanes.step[k] = scales.d * static_cast<float>(step_at(k));
        lanes.offset[k] = scales.dmin * static_cast<float>(minimum_at(k));
      }
      lanes.measure(values + part * 32, 32);
      const std::size_t best = lanes.best();
      scales.step[part] = step_at(best);
      scales.minimum[part] = minimum_at(best);
      error += lanes.error[best];
    }
    return error;
  }

  // With d and dmin of least square error for the codes that `scales` give.
  static Scales fitted(const float* values, Scales scales) {
    double ss = 0, sm = 0, mm = 0, sx = 0, mx = 0;  // sums of products of step, minimum, value
    const Lines lines = lines_of(scales);
    for (std::size_t i = 0; i < 256; ++i) {
      const std::size_t part = i / 32;
      const float inverse = inverse_of(lines[part].step);
      const float code =
          nearest_code((values[i] + lines[part].minimum) * inverse, 0, float{Codec::kMost});
      const double step = static_cast<double>(code) * scales.step[part];
      const double minimum = -scales.minimum[part];
      const double value = static_cast<double>(values[i]);
      ss += step * step;
      sm += step * minimum;
      mm += minimum * minimum;
      sx += step * value;
      mx += minimum * value;
    }
    const double determinant = ss * mm - sm * sm;
    if (!(determinant > 0)) return scales;
    scales.d = block_codec::f16(static_cast<float>((sx * mm - mx * sm) / determinant));
    scales.dmin = block_codec::f16(static_cast<float>((mx * ss - sx * sm) / determinant));
    return scales;
  }
};

}  // namespace synfire::quantize
