#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/sparsity/planner/layer_costs.hpp"

namespace synfire {

// One way to place a layer.
struct LayerOption {
  GroupDevices devices;
  double seconds = 0;
  LayerCosts::Bytes memory{};

  static LayerOption of(const LayerCosts& costs, GroupDevices devices) {
    const double seconds = costs.seconds(devices);
    const LayerCosts::Bytes memory = costs.memory(devices);
    return {std::move(devices), seconds, memory};
  }
};
using LayerOptions = std::vector<std::vector<LayerOption>>;  // by layer

// One option for each layer, so that no device is over its capacity and the sum of seconds is
// small: dynamic programming over the layers. Of states that take about the same of every device
// but the largest only the fastest goes on, so the answer is near the best. Nothing where it found
// none that fits.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> choose_options(
    const LayerOptions& options, const LayerCosts::Bytes& capacity, std::uint32_t n_devices);

// The best choice, if at no time more than `max_states` have to be kept; else nothing. `upper`:
// only what is faster is of interest; an empty choice says that there is nothing.
struct ExactChoice {
  std::vector<std::uint32_t> chosen;
  double seconds = 0;
};
[[nodiscard]] std::optional<ExactChoice> choose_exactly(const LayerOptions& options,
                                                        const LayerCosts::Bytes& capacity,
                                                        double upper, std::size_t max_states);

// All ways to place a layer that may be part of a best plan: none takes at least as long and as
// much of every device as another.
[[nodiscard]] std::vector<LayerOption> all_options(const LayerCosts& costs);

}  // namespace synfire
