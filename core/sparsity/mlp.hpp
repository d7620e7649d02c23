#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace synfire {

// PowerInfer's predictor of a layer (arXiv 2312.12456, section 5.1): scores = fc2 relu(fc1 x), a
// score per neuron and no biases. So scores of c x are c times those of x for every c over 0, and
// what is over 0 does not depend on the scale of x.
struct Mlp {
  std::size_t n_inputs = 0, rank = 0;
  std::vector<float> fc1;  // [rank, n_inputs]
  std::vector<float> fc2;  // [n_neurons, rank]

  [[nodiscard]] std::size_t n_neurons() const { return fc2.size() / rank; }
  // Of inputs [n, n_inputs]: [n, rank], and from that [n, n_neurons].
  [[nodiscard]] std::vector<float> hidden(std::span<const float> x) const;
  [[nodiscard]] std::vector<float> scores_of_hidden(std::span<const float> hidden) const;
  [[nodiscard]] std::vector<float> scores(std::span<const float> x) const {
    return scores_of_hidden(hidden(x));
  }

  // Adds to the score of each neuron its bias, as nearly as fc2 can: the combination of hidden
  // units that is nearest to 1 on these inputs, times the bias.
  void add_biases(std::span<const float> hidden, std::span<const float> biases);
};

}  // namespace synfire
