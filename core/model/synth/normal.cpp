#include "core/model/synth/normal.hpp"

#include <cmath>
#include <numbers>

#include "plugins/sdk/ops.h"

namespace synfire::synth {
namespace {

constexpr double kReach = 8;  // deviations
constexpr int kSteps = 2000;

// E[f(X)] for X ~ N(0, 1).
template <typename Function>
double expectation(const Function& f) {
  double sum = 0;
  for (int i = 0; i < kSteps; ++i) {
    const double x = kReach * (2 * (i + 0.5) / kSteps - 1);
    sum += std::exp(-x * x / 2) * f(x);
  }
  return sum * (2 * kReach / kSteps) / std::sqrt(2 * std::numbers::pi);
}

// The root of a falling function within [low, high].
template <typename Function>
double bisect(double low, double high, const Function& f) {
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (f(middle) > 0 ? low : high) = middle;
  }
  return (low + high) / 2;
}

double activate(std::uint32_t activation, double x) {
  if (activation == SF_ACTIVATION_SILU) return x / (1 + std::exp(-x));
  const double positive = x > 0 ? x : 0;
  return activation == SF_ACTIVATION_RELU2 ? positive * positive : positive;
}

}  // namespace

double upper_tail(double t) { return std::erfc(t / std::numbers::sqrt2) / 2; }

double upper_quantile(double share) {
  return bisect(-kReach, kReach, [share](double t) { return upper_tail(t) - share; });
}

double mean_square(std::uint32_t activation, double mean, double deviation) {
  return expectation([=](double x) {
    const double y = activate(activation, mean + deviation * x);
    return y * y;
  });
}

double margin_for_recall(double recall, double t, double noise) {
  const double signal = std::sqrt(1 - noise);
  const double both = recall * upper_tail(t);
  return bisect(0, kReach, [=](double margin) {
    return both - expectation([=](double x) {
             const double s = signal * x;
             return s > t - margin ? upper_tail((t - s) / std::sqrt(noise)) : 0;
           });
  });
}

}  // namespace synfire::synth
