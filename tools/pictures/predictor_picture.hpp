#pragma once

#include <string>
#include <vector>

namespace synfire::cli {

// What a predictor was worth on held-out inputs, as shares of 0 to 1.
struct PredictorLayerQuality {
  double recall = 0, precision = 0;
  double predicted = 0, fired = 0;  // of the neurons
};

// Bars for each layer, as SVG.
[[nodiscard]] std::string predictor_bars(const std::string& name,
                                         const std::vector<PredictorLayerQuality>& layers);

}  // namespace synfire::cli
