#include "tools/json.hpp"

#include <cmath>

#include "core/model/tokenizer/utf8.hpp"
#include "tools/output.hpp"

namespace synfire::cli {

void print_json(const boost::json::value& value) {
  write_out(boost::json::serialize(value));
  write_out("\n");
}

boost::json::value json_number(double number) {
  if (!std::isfinite(number)) return nullptr;
  return number;
}

boost::json::string json_text(std::string_view bytes) {
  return boost::json::string(utf8::replace_invalid(bytes));
}

}  // namespace synfire::cli
