#include "core/model/finite.hpp"

#include <algorithm>
#include <cmath>

#include "core/model/printable.hpp"

namespace synfire {
namespace {

bool all_finite(std::span<const float> values) {
  // x - x is 0 for what is finite, NaN for the rest; in lanes, so that compilers make vectors of
  // it.
  constexpr std::size_t kLanes = 16;
  float sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (std::size_t k = 0; k < kLanes; ++k) sums[k] += values[i + k] - values[i + k];
  for (; i < values.size(); ++i) sums[0] += values[i] - values[i];
  return std::ranges::all_of(sums, [](float sum) { return sum == 0; });
}

}  // namespace

Status check_finite(const CheckedRows& rows, std::string_view where) {
  if (all_finite(rows.values)) return {};
  const auto bad = std::ranges::find_if(rows.values, [](float v) { return !std::isfinite(v); });
  const auto at = static_cast<std::uint64_t>(bad - rows.values.begin());
  return error(StatusCode::data_loss, "tensor {}: row {}, column {}: {} {}, want a finite number",
               printable(rows.tensor), rows.first_row + at / rows.width, at % rows.width, *bad,
               where);
}

}  // namespace synfire
