#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace synfire::cli {

// "0.1%" or "0.001": 0.001. Over 0 and at most 1.
[[nodiscard]] Result<double> parse_percent(std::string_view text);

}  // namespace synfire::cli
