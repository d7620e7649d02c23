#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace synfire {

// A neuron's gate as its score tells it: slope * score + offset, with a standard error.
struct ScoreLine {
  double slope, offset, error;

  // How many errors the gate is expected over zero.
  [[nodiscard]] double margin(float score) const { return (slope * score + offset) / error; }
  // The bias that cuts where the margin is `least`.
  [[nodiscard]] float bias(double least) const;
};

// By least squares; scores and gates are [n, n_neurons].
[[nodiscard]] std::vector<ScoreLine> fit_score_lines(std::span<const float> scores,
                                                     std::span<const float> gates,
                                                     std::size_t n_neurons);

}  // namespace synfire
