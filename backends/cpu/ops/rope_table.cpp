#include "backends/cpu/ops/rope_table.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace synfire::cpu {
namespace {

// What decides angles and magnitude; heads do not.
auto key(const sf_rope_params& rope) {
  struct Key {
    std::uint32_t n_rot, original_context;
    float base, scale, ext, attn, fast, slow;
    bool operator==(const Key&) const = default;
  };
  return Key{rope.n_rot,      rope.original_context, rope.freq_base, rope.freq_scale,
             rope.ext_factor, rope.attn_factor,      rope.beta_fast, rope.beta_slow};
}

// Pair whose wave turns `rotations` times over the original context (YaRN, arXiv 2309.00071, 3.2).
double pair_turning(const sf_rope_params& rope, double rotations) {
  return rope.n_rot * std::log(rope.original_context / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(static_cast<double>(rope.freq_base)));
}

// Radians that one position turns a pair.
double turn_per_position(const sf_rope_params& rope, std::uint32_t pair, double factor) {
  const double own =
      std::pow(static_cast<double>(rope.freq_base), -2.0 * pair / rope.n_rot) / factor;
  if (rope.ext_factor == 0) return own * rope.freq_scale;
  const double low = std::max(0.0, std::floor(pair_turning(rope, rope.beta_fast)));
  const double high = std::min(rope.n_rot - 1.0, std::ceil(pair_turning(rope, rope.beta_slow)));
  const double ramp = std::clamp((pair - low) / std::max(0.001, high - low), 0.0, 1.0);
  const double kept = (1 - ramp) * rope.ext_factor;  // share that is not interpolated
  return own * rope.freq_scale * (1 - kept) + own * kept;
}

double magnitude(const sf_rope_params& rope) {
  if (rope.ext_factor == 0) return rope.attn_factor;
  return rope.attn_factor * (1 + 0.1 * std::log(1.0 / rope.freq_scale));
}

}  // namespace

bool RopeTable::is_for(const sf_rope_params& rope, std::span<const float> factors,
                       std::span<const std::uint32_t> positions) const {
  return key(rope) == key(rope_) && std::ranges::equal(factors, factors_) &&
         std::ranges::equal(positions, positions_);
}

void RopeTable::prepare(const sf_rope_params& rope, std::span<const float> factors,
                        std::span<const std::uint32_t> positions) {
  if (is_for(rope, factors, positions)) return;
  rope_ = rope;
  factors_.assign(factors.begin(), factors.end());
  positions_.assign(positions.begin(), positions.end());
  fill();
}

void RopeTable::fill() {
  pairs_ = rope_.n_rot / 2;
  cosines_.resize(positions_.size() * pairs_);
  sines_.resize(positions_.size() * pairs_);
  const double stretch = magnitude(rope_);
  for (std::uint32_t pair = 0; pair < pairs_; ++pair) {
    const double turn = turn_per_position(
        rope_, pair, factors_.empty() ? 1.0 : static_cast<double>(factors_[pair]));
    for (std::size_t t = 0; t < positions_.size(); ++t) {
      const double angle = positions_[t] * turn;
      cosines_[t * pairs_ + pair] = static_cast<float>(std::cos(angle) * stretch);
      sines_[t * pairs_ + pair] = static_cast<float>(std::sin(angle) * stretch);
    }
  }
}

}  // namespace synfire::cpu
