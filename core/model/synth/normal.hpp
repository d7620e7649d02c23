#pragma once

#include <cstdint>

// Expectations over the normal distribution, for the design of activity. Numeric, a few digits.
namespace synfire::synth {

// P(N(0, 1) > t).
[[nodiscard]] double upper_tail(double t);
// The t with upper_tail(t) = share, for share in (0, 1).
[[nodiscard]] double upper_quantile(double share);
// E[act(X)^2] for X ~ N(mean, deviation^2); `activation` is SF_ACTIVATION_*.
[[nodiscard]] double mean_square(std::uint32_t activation, double mean, double deviation);

// A gate is s + n > t, with a score s ~ N(0, 1 - noise) that a predictor sees and n ~ N(0, noise)
// that it does not; it predicts where s > t - margin. The least margin with the wanted recall.
[[nodiscard]] double margin_for_recall(double recall, double t, double noise);

}  // namespace synfire::synth
