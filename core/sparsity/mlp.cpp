#include "core/sparsity/mlp.hpp"

#include <algorithm>

#include "core/sparsity/matrix_math.hpp"

namespace synfire {

std::vector<float> Mlp::hidden(std::span<const float> x) const {
  std::vector<float> units = multiply_transposed(x, fc1, n_inputs);
  for (float& unit : units) unit = std::max(unit, 0.0F);
  return units;
}

std::vector<float> Mlp::scores_of_hidden(std::span<const float> hidden) const {
  return multiply_transposed(hidden, fc2, rank);
}

void Mlp::add_biases(std::span<const float> hidden, std::span<const float> biases) {
  const std::vector<float> one = nearest_to_one(hidden, rank);
  for (std::size_t j = 0; j < biases.size(); ++j)
    for (std::size_t k = 0; k < rank; ++k) fc2[j * rank + k] += biases[j] * one[k];
}

}  // namespace synfire
