#pragma once

#include <string>
#include <vector>

namespace synfire::cli {

// What a predictor at one operating point reads and loses.
struct LossPoint {
  double of_exact = 0;    // bytes of FFN and predictor, over those of computing all that fires
  double loss = 0;        // of perplexity: 0.001 is 0.1 %
  double loss_error = 0;  // its standard error
};

struct LossSeries {
  std::string name;
  std::vector<LossPoint> points;
};

// Perplexity lost against bytes read, a curve for each predictor, as SVG; at least one point in
// all. The loss is on a log scale; points without one are at its foot.
[[nodiscard]] std::string loss_curves(const std::vector<LossSeries>& series);

}  // namespace synfire::cli
