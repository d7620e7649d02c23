#include "core/sparsity/score_calibration.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/sparsity/score_lines.hpp"

namespace synfire {
namespace {

// A value that this share of them is over: a little under one of them, since a cut itself is not
// over 0.
double cut_under(std::vector<float>& values, double share) {
  const auto under = static_cast<std::size_t>((1 - share) * static_cast<double>(values.size()));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::min(under, values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at - 1e-4 * (1 + std::fabs(*at));
}

}  // namespace

std::vector<float> calibrate_scores(std::span<const float> scores, std::span<const float> gates,
                                    std::size_t n_neurons, double recall) {
  const std::vector<ScoreLine> lines = fit_score_lines(scores, gates, n_neurons);
  std::vector<float> margins;  // of all firings
  for (std::size_t row = 0; row < gates.size(); row += n_neurons)
    for (std::size_t j = 0; j < n_neurons; ++j)
      if (gates[row + j] > 0)
        margins.push_back(static_cast<float>(lines[j].margin(scores[row + j])));
  const double least = margins.empty() ? INFINITY : cut_under(margins, recall);
  std::vector<float> biases;
  for (const ScoreLine& line : lines) biases.push_back(line.bias(least));
  return biases;
}

float common_bias(std::span<const float> scores, std::span<const float> gates, double recall) {
  std::vector<float> of_firings;
  for (std::size_t i = 0; i < gates.size(); ++i)
    if (gates[i] > 0) of_firings.push_back(scores[i]);
  return of_firings.empty() ? 0 : static_cast<float>(-cut_under(of_firings, recall));
}

PredictionQuality measure_scores(std::span<const float> scores, std::span<const float> gates,
                                 std::span<const float> biases) {
  std::uint64_t fired = 0, predicted = 0, both = 0;
  for (std::size_t row = 0; row < scores.size(); row += biases.size())
    for (std::size_t j = 0; j < biases.size(); ++j) {
      const bool fires = gates[row + j] > 0;
      const bool is_predicted = scores[row + j] + biases[j] > 0;
      fired += fires ? 1 : 0;
      predicted += is_predicted ? 1 : 0;
      both += fires && is_predicted ? 1 : 0;
    }
  const auto share = [](std::uint64_t part, std::uint64_t whole, double none) {
    return whole == 0 ? none : static_cast<double>(part) / static_cast<double>(whole);
  };
  return {share(both, fired, -1), share(both, predicted, -1), share(predicted, scores.size(), 0),
          share(fired, scores.size(), 0)};
}

}  // namespace synfire
