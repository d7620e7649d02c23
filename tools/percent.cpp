#include "tools/percent.hpp"

#include <charconv>

namespace synfire::cli {

Result<double> parse_percent(std::string_view text) {
  const bool is_percent = text.ends_with('%');
  const std::string_view digits = is_percent ? text.substr(0, text.size() - 1) : text;
  double value = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (is_percent) value /= 100;
  if (failed != std::errc() || end != digits.data() + digits.size() || !(value > 0 && value <= 1))
    return invalid_argument("got '{}', want a share such as 0.1% or 0.001, over 0 and at most 1",
                            text);
  return value;
}

}  // namespace synfire::cli
