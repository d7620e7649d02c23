#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/plan_file.hpp"

namespace synfire::cli {

// Which device holds which neurons of which layer, as SVG. `orders`: by layer, all of its neurons
// as they are to be drawn; `by_rank`: that is the hottest first.
[[nodiscard]] std::string placement_map(const PlanFile& plan,
                                        const std::vector<std::vector<std::uint32_t>>& orders,
                                        bool by_rank);

// What a device reads of a layer's FFN for a token, expected.
struct LayerLoad {
  std::string device;
  double bytes = 0;
  double seconds = 0;  // at what the device's memory gives; 0: not known
};

// Expected bytes per layer and device; where seconds are known, these, with bytes named. `how`: by
// which predictor neurons are found.
[[nodiscard]] std::string roofline(const std::vector<std::vector<LayerLoad>>& layers,
                                   const std::string& how);

}  // namespace synfire::cli
