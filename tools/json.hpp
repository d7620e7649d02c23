#pragma once

#include <string_view>

#include <boost/json.hpp>

namespace synfire::cli {

// One line of JSON on stdout.
void print_json(const boost::json::value& value);

// null for NaN and infinity, which JSON lacks.
[[nodiscard]] boost::json::value json_number(double number);
// U+FFFD in place of what is not UTF-8.
[[nodiscard]] boost::json::string json_text(std::string_view bytes);

}  // namespace synfire::cli
