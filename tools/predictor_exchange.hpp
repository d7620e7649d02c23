#pragma once

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"

// The actions of `predictor` that move predictors between files.
namespace synfire::cli {

Status check_export_predictor(const OptionValues& values);
Result<int> export_predictor(const OptionValues& values);

Status check_import_predictor(const OptionValues& values);
Result<int> import_predictor(const OptionValues& values);

}  // namespace synfire::cli
