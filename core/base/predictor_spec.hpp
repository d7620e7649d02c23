#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace synfire {

// A predictor as users name it: "exact", "mlp", "mlp[dtype=q8_0]". The options are the plugin's
// business; a plugin that does not know one says so.
struct PredictorSpec {
  std::string name;  // "exact", "none" or a plugin's
  std::map<std::string, std::string> options;

  // The canonical text; parse_predictor_spec() of it gives the same again.
  [[nodiscard]] std::string to_string() const;
};

[[nodiscard]] Result<PredictorSpec> parse_predictor_spec(std::string_view text);

}  // namespace synfire
