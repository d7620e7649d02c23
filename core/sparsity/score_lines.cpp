#include "core/sparsity/score_lines.hpp"

#include <algorithm>
#include <cmath>

namespace synfire {
namespace {

struct Sums {
  double s = 0, g = 0, ss = 0, sg = 0, gg = 0;

  void add(double score, double gate) {
    s += score;
    g += gate;
    ss += score * score;
    sg += score * gate;
    gg += gate * gate;
  }
  [[nodiscard]] ScoreLine line(double n) const {
    const double score_variance = ss / n - s / n * (s / n);
    const double covariance = sg / n - s / n * (g / n);
    const double gate_variance = gg / n - g / n * (g / n);
    const double slope = score_variance > 0 ? std::max(covariance / score_variance, 0.0) : 0.0;
    const double left = gate_variance - slope * covariance;
    // Never zero, so that a margin is a number.
    const double error = std::sqrt(std::max(left, gate_variance * 1e-9 + 1e-30));
    return {slope, g / n - slope * (s / n), error};
  }
};

}  // namespace

float ScoreLine::bias(double least) const {
  constexpr double kAlways = 1e30;  // of a score that says nothing: all inputs are alike
  const double cut = offset - least * error;
  if (slope <= 0) return static_cast<float>(cut > 0 ? kAlways : -kAlways);
  return static_cast<float>(std::clamp(cut / slope, -kAlways, kAlways));
}

std::vector<ScoreLine> fit_score_lines(std::span<const float> scores, std::span<const float> gates,
                                       std::size_t n_neurons) {
  std::vector<Sums> sums(n_neurons);
  for (std::size_t row = 0; row < scores.size(); row += n_neurons)
    for (std::size_t j = 0; j < n_neurons; ++j) sums[j].add(scores[row + j], gates[row + j]);
  const auto n = static_cast<double>(scores.size() / n_neurons);
  std::vector<ScoreLine> lines;
  for (const Sums& s : sums) lines.push_back(s.line(n));
  return lines;
}

}  // namespace synfire
