#pragma once

#include <cstddef>
#include <vector>

#include "core/sparsity/parallel_parts.hpp"
#include "core/sparsity/planner/layer_costs.hpp"

namespace synfire {

// work(i) for each layer, on all cores where there is enough of it to start threads for.
template <typename Work>
void for_layers(const std::vector<LayerCosts>& costs, const Work& work) {
  constexpr std::size_t kEnough = 1U << 14;  // groups x tokens
  const LayerCosts& first = costs.front();
  if (costs.size() * first.n_groups() * first.n_tokens() >= kEnough)
    return parallel_parts(costs.size(), work);
  for (std::size_t i = 0; i < costs.size(); ++i) work(i);
}

}  // namespace synfire
