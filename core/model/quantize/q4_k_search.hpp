#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "core/model/quantize/grid_lanes.hpp"
#include "core/model/quantize/q6_k_search.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::quantize {

class Q4KSearch {
 public:
  using Codec = block_codec::Q4_K;
  static void encode(const float* values, std::byte* block) {
    std::byte searched[kBlockBytes];
    Codec::encode_with(scales_of(values), values, searched);
    Codec::encode(values, block);
    if (encoded_error<Codec>(searched, values) < encoded_error<Codec>(block, values))
      std::copy(searched, searched + kBlockBytes, block);
  }

 private:
  static constexpr std::size_t kBlockBytes = 144;
  struct Line { float step, minimum; };

  static Line line_of(const float* values) {
    constexpr std::size_t kTries = 32;
    const auto [least, most] = block_codec::extremes(values, 32);
    const float low = std::min(least, 0.0F);
    const float range = std::max(most, 0.0F) - low;
    if (!(range > 0)) return {0, 0};
    float inverse[kTries], qs[kTries] = {}, qq[kTries] = {}, qx[kTries] = {};
    for (std::size_t k = 0; k < kTries; ++k)
      inverse[k] = (12.5F + 4.5F * static_cast<float>(k) / (kTries - 1)) / range;
    float sx = 0, sxx = 0;
    for (std::size_t i = 0; i < 32; ++i) { sx += values[i]; sxx += values[i] * values[i]; }
    for (std::size_t first = 0; first < kTries; first += 8)
    for (std::size_t i = 0; i < 32; ++i) {
      const float shifted = values[i] - low;
      for (std::size_t k = first; k < first + 8; ++k) {
        const float q = nearest_code(shifted * inverse[k], 0, 15);
        qs[k] += q;
        qq[k] += q * q;
        qx[k] += q * values[i];
      }
    }
    Line best{};
    float best_error = std::numeric_limits<float>::infinity();
    for (std::size_t k = 0; k < kTries; ++k) {
      const float det = 32 * qq[k] - qs[k] * qs[k];
      float step = det > 0 ? (32 * qx[k] - qs[k] * sx) / det : 0;
      float base = (sx - step * qs[k]) / 32;
      if (base > 0) { base = 0; step = qx[k] / qq[k]; }
      const float error = sxx - step * qx[k] - base * sx;
      if (error < best_error) { best_error = error; best = {step, -base}; }
    }
    return best;
  }

  template <int kRadius>
  static double refine(const float* values, Codec::Scales& scales, const Line* lines) {
    constexpr int kSide = 2 * kRadius + 1;
    constexpr std::size_t kLanes = (kSide * kSide + 15) / 16 * 16;
    double total = 0;
    for (std::size_t b = 0; b < 8; ++b) {
      GridLanes<kLanes> lanes{.low = 0, .high = 15};
      int steps[kLanes], minimums[kLanes];
      const int step = block_codec::nearest(lines[b].step, scales.d, 0, 63);
      const int minimum = block_codec::nearest(lines[b].minimum, scales.dmin, 0, 63);
      for (std::size_t k = 0; k < kLanes; ++k) {
        const int at = std::min<int>(static_cast<int>(k), kSide * kSide - 1);
        steps[k] = std::clamp(step + at / kSide - kRadius, 0, 63);
        minimums[k] = std::clamp(minimum + at % kSide - kRadius, 0, 63);
        lanes.step[k] = scales.d * static_cast<float>(steps[k]);
        lanes.offset[k] = scales.dmin * static_cast<float>(minimums[k]);
      }
      lanes.measure(values + b * 32, 32);
      const std::size_t best = lanes.best();
      scales.step[b] = steps[best];
      scales.minimum[b] = minimums[best];
      total += lanes.error[best];
    }
    return total;
  }

  // least squares for d and dmin, codes as they are
  static void solve(const float* values, Codec::Scales& scales) {
    double aa = 0, ac = 0, cc = 0, ax = 0, cx = 0;
    for (std::size_t i = 0; i < 256; ++i) {
      const float step = scales.d * static_cast<float>(scales.step[i / 32]);
      const float low = scales.dmin * static_cast<float>(scales.minimum[i / 32]);
      const double code = nearest_code((values[i] + low) * inverse_of(step), 0, 15);
      const double a = code * scales.step[i / 32];
      const double c = -scales.minimum[i / 32];
      aa += a * a; ac += a * c; cc += c * c; ax += a * values[i]; cx += c * values[i];
    }
    const double det = aa * cc - ac * ac;
    if (!(det > 0)) return;
    scales.d = block_codec::f16(static_cast<float>((ax * cc - cx * ac) / det));
    scales.dmin = block_codec::f16(static_cast<float>((cx * aa - ax * ac) / det));
  }

 public:
  static inline int rounds = 2;
  static inline float head = 63, headm = 63;
 private:
  static Codec::Scales scales_of(const float* values) {
    Line lines[8];
    Line most{};
    for (std::size_t b = 0; b < 8; ++b) {
      lines[b] = line_of(values + b * 32);
      most.step = std::max(most.step, lines[b].step);
      most.minimum = std::max(most.minimum, lines[b].minimum);
    }
    Codec::Scales best{block_codec::f16(most.step / head), block_codec::f16(most.minimum / headm), {}, {}};
    double error = refine<3>(values, best, lines);
    for (int r = 0; r < rounds; ++r) {
      Codec::Scales next = best;
      solve(values, next);
      for (std::size_t b = 0; b < 8; ++b)
        lines[b] = {next.d * static_cast<float>(next.step[b]), next.dmin * static_cast<float>(next.minimum[b])};
      const double e = refine<1>(values, next, lines);
      if (!(e < error)) break;
      error = e;
      best = next;
    }
    return best;
  }
};

}  // namespace synfire::quantize
