#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/sparsity/activity_stats.hpp"

// Pictures of what the neurons did, as SVG. `layers` has at least one.
namespace synfire::cli {

// How often neurons fired: layers by rank of the neuron, the hottest at the left.
[[nodiscard]] std::string activity_map(const std::vector<ActivityStats>& layers,
                                       std::uint64_t n_tokens);
// Of all activations, those by the hottest x % of the neurons.
[[nodiscard]] std::string coverage_curves(const std::vector<ActivityStats>& layers);
// Of the neurons that fire, those that had fired so many tokens before.
[[nodiscard]] std::string overlap_curves(const std::vector<ActivityStats>& layers,
                                         std::uint64_t n_tokens);

}  // namespace synfire::cli
