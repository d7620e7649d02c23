#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/plan_file.hpp"

namespace synfire::cli {

// Which device holds which neurons of which layer, as SVG. `d_ff` 0: not known, so groups are
// shown.
[[nodiscard]] std::string placement_map(const PlanFile& plan, std::uint32_t d_ff);

// What a device reads of a layer's FFN for a token, expected.
struct LayerLoad {
  std::string device;
  double bytes = 0;
  double seconds = 0;  // at what the device's memory gives; 0: not known
};

// Expected bytes per layer and device; where seconds are known, these, with bytes named.
[[nodiscard]] std::string roofline(const std::vector<std::vector<LayerLoad>>& layers);

}  // namespace synfire::cli
