#include "tools/verify_check.hpp"

#include <algorithm>
#include <array>

#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/table.hpp"

namespace synfire::cli {
namespace {

struct DtypeTolerance {
  std::string_view dtype;
  double logits, nll;
};
// Against float32 references. Q8_0 leaves room for a backend that rounds activations to 8 bits too.
constexpr std::array kTolerances = {
    DtypeTolerance{"F32", 0.001, 0.0005},
    DtypeTolerance{"F16", 0.02, 0.0005},
    DtypeTolerance{"BF16", 0.02, 0.0005},
    DtypeTolerance{"Q8_0", 0.5, 0.01},
};

std::string_view to_string(Check::Outcome outcome) {
  switch (outcome) {
    case Check::Outcome::pass: return "PASS";
    case Check::Outcome::fail: return "FAIL";
    case Check::Outcome::not_checked: return "not checked";
  }
  return "";
}

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.6g}", *value) : "";
}

boost::json::value to_json(const Check& check) {
  boost::json::object object{{"name", check.name},
                             {"outcome", to_string(check.outcome)},
                             {"detail", json_text(check.detail)}};
  if (check.worst) object["worst"] = json_number(*check.worst);
  if (check.limit) object["limit"] = json_number(*check.limit);
  return object;
}

}  // namespace

Tolerance tolerance_for(const OptionValues& values, std::string_view weight_dtype) {
  Tolerance tolerance;
  for (const DtypeTolerance& known : kTolerances) {
    if (known.dtype == weight_dtype) tolerance = {known.logits, known.nll};
  }
  if (const double* given = values.find<double>("max-logit-diff")) tolerance.logits = *given;
  if (const double* given = values.find<double>("max-nll-diff")) tolerance.nll = *given;
  return tolerance;
}

bool passes(const std::vector<Check>& checks) {
  const auto has = [&checks](Check::Outcome outcome) {
    return std::any_of(checks.begin(), checks.end(),
                       [outcome](const Check& check) { return check.outcome == outcome; });
  };
  return has(Check::Outcome::pass) && !has(Check::Outcome::fail);
}

void print_checks(const std::vector<Check>& checks, bool json) {
  const std::string_view result = passes(checks) ? "PASS" : "FAIL";
  if (json) {
    boost::json::array array;
    for (const Check& check : checks) array.push_back(to_json(check));
    print_json({{"result", result}, {"checks", std::move(array)}});
    return;
  }
  Table table({{"CHECK"}, {"RESULT"}, {"WORST"}, {"LIMIT"}, {"DETAIL"}});
  for (const Check& check : checks) {
    table.add({check.name, std::string(to_string(check.outcome)), number(check.worst),
               number(check.limit), check.detail});
  }
  print("{}{}\n", table.text(), result);
}

}  // namespace synfire::cli
