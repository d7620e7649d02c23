#pragma once

#include <cstddef>

#include "tools/pictures/chart.hpp"

namespace synfire::cli {

// Names the colours of layers: each of a few, or some of many.
inline void layer_legend(Chart& chart, std::size_t n_layers) {
  const std::size_t every = (n_layers + 11) / 12;
  for (std::size_t i = 0; i < n_layers; i += every)
    chart.legend_line(order_colour(i, n_layers), fmt::format("layer {}", i));
}

}  // namespace synfire::cli
