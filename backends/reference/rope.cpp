#include <algorithm>
#include <cmath>
#include <numbers>

#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {
namespace {

// The pair index whose wave turns `rotations` times over the original context (YaRN, section 3.2).
double pair_of_rotations(const sf_rope_params& rope, double rotations) {
  return rope.n_rot * std::log(rope.original_context / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(static_cast<double>(rope.freq_base)));
}

// 1 for pairs that turn so often that they are left as they are, 0 for those that are interpolated.
double extrapolated_share(const sf_rope_params& rope, std::uint32_t pair) {
  const double low = std::max(0.0, std::floor(pair_of_rotations(rope, rope.beta_fast)));
  const double high =
      std::min(rope.n_rot - 1.0, std::ceil(pair_of_rotations(rope, rope.beta_slow)));
  return 1 - std::clamp((pair - low) / std::max(0.001, high - low), 0.0, 1.0);
}

double angle(const sf_rope_params& rope, std::uint32_t pair, std::uint32_t position, float factor) {
  const double theta =
      position * std::pow(static_cast<double>(rope.freq_base), -2.0 * pair / rope.n_rot) / factor;
  if (rope.ext_factor == 0) return theta * rope.freq_scale;
  const double share = extrapolated_share(rope, pair) * rope.ext_factor;
  return theta * rope.freq_scale * (1 - share) + theta * share;
}

double magnitude(const sf_rope_params& rope) {
  if (rope.ext_factor == 0) return rope.attn_factor;
  return rope.attn_factor * (1 + 0.1 * std::log(1.0 / rope.freq_scale));
}

void turn(const sf_rope_params& rope, std::uint32_t pair, double theta, const float* x, float* y) {
  const bool adjacent = rope.style == SF_ROPE_ADJACENT;
  const std::uint32_t a = adjacent ? 2 * pair : pair;
  const std::uint32_t b = adjacent ? 2 * pair + 1 : pair + rope.n_rot / 2;
  const double cosine = std::cos(theta) * magnitude(rope);
  const double sine = std::sin(theta) * magnitude(rope);
  y[a] = static_cast<float>(x[a] * cosine - x[b] * sine);
  y[b] = static_cast<float>(x[a] * sine + x[b] * cosine);
}

}  // namespace

void rope(void*, const sdk::OpCall& call) {
  const auto& params = call.params<sf_rope_params>();
  const sdk::HostWeights* const weight = call.optional_weights(0);
  const std::uint32_t pairs = params.n_rot / 2;
  const std::vector<float> factors = weight == nullptr ? std::vector<float>(pairs, 1.0f)
                                                       : decode(weight->dtype, weight->data, pairs);
  const float* x = call.input(0);
  float* y = call.output(0);
  for (std::uint32_t t = 0; t < call.batch().n_tokens; ++t) {
    const std::uint32_t position = call.batch().positions[t];
    for (std::uint32_t h = 0; h < params.n_heads; ++h, x += params.head_dim, y += params.head_dim) {
      for (std::uint32_t pair = 0; pair < pairs; ++pair)
        turn(params, pair, angle(params, pair, position, factors[pair]), x, y);
      std::copy(x + params.n_rot, x + params.head_dim, y + params.n_rot);
    }
  }
}

}  // namespace synfire::reference
