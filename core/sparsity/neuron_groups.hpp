#pragma once

#include <cstdint>
#include <vector>

#include "core/sparsity/activation_profile.hpp"

namespace synfire {

// A layer's neurons in an order whose runs of `group_size` are its groups.
using NeuronOrder = std::vector<std::uint32_t>;

// As they are numbered.
[[nodiscard]] NeuronOrder neurons_as_numbered(std::uint32_t d_ff);

// Groups of neurons that are about as often active, and at the same time: the hottest neuron that
// is left begins a group, and again and again the one joins that fired together with those in it
// most often for its own activity, among the next hottest. Groups come hottest first.
[[nodiscard]] NeuronOrder cluster_neurons(const LayerActivity& activity, std::uint32_t group_size);

// How many of each group's neurons fired, by token: [n_groups, n_tokens].
[[nodiscard]] std::vector<std::int16_t> count_active(const LayerActivity& activity,
                                                     const NeuronOrder& order,
                                                     std::uint32_t group_size);

}  // namespace synfire
