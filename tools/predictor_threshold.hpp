#pragma once

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"

namespace synfire::cli {

// predictor fit --type threshold: thresholds for a wanted share, and what they cost.
[[nodiscard]] Result<int> fit_threshold(const OptionValues& values);

}  // namespace synfire::cli
