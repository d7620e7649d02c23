#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace synfire {

// What a predictor's scores say of neurons: scores and gates are [n, n_neurons], a row per input. A
// neuron fires where its gate is over 0, and is predicted where score + bias is.

// One bias per neuron such that `recall` of all firings are predicted. A gate is taken as slope *
// score + offset + an error of the neuron's own size, and all neurons are cut at the same number of
// such errors: which, for errors alike in shape, is the cheapest way to that recall.
[[nodiscard]] std::vector<float> calibrate_scores(std::span<const float> scores,
                                                  std::span<const float> gates,
                                                  std::size_t n_neurons, double recall);

// One bias for all neurons such that `recall` of all firings are predicted: the cheapest way where
// scores say how likely a neuron fires, as those of a predictor trained for that do. 0 where
// nothing fires.
[[nodiscard]] float common_bias(std::span<const float> scores, std::span<const float> gates,
                                double recall);

struct PredictionQuality {
  double recall = -1;     // of what fired, the share that was predicted; negative: nothing fired
  double precision = -1;  // of what was predicted, the share that fired; likewise
  double predicted = 0;   // share of all neurons
  double fired = 0;
};
[[nodiscard]] PredictionQuality measure_scores(std::span<const float> scores,
                                               std::span<const float> gates,
                                               std::span<const float> biases);

}  // namespace synfire
