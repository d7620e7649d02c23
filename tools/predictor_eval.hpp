#pragma once

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"

namespace synfire::cli {

// `predictor eval`: what predictors find, read and cost on a text.
[[nodiscard]] Status check_eval_predictor(const OptionValues& values);
[[nodiscard]] Result<int> eval_predictor(const OptionValues& values);

}  // namespace synfire::cli
