#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"

namespace synfire::cli {

// One line of verify's report.
struct Check {
  enum class Outcome { pass, fail, not_checked };

  std::string name;  // "logits"
  Outcome outcome = Outcome::not_checked;
  std::string detail = {};           // what was compared, or why nothing was
  std::optional<double> worst = {};  // the largest difference
  std::optional<double> limit = {};  // what passes
};

// How far answers may differ.
struct Tolerance {
  std::optional<double> logits = {};
  std::optional<double> nll = {};
};

// --max-logit-diff and --max-nll-diff, where not given by the dtype of the weights; absent where
// neither says.
[[nodiscard]] Tolerance tolerance_for(const OptionValues& values, std::string_view weight_dtype);

// PASS: nothing failed and something was checked.
[[nodiscard]] bool passes(const std::vector<Check>& checks);
// As a table and a last line "PASS" or "FAIL", or as one JSON object.
void print_checks(const std::vector<Check>& checks, bool json);

}  // namespace synfire::cli
