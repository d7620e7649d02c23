#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "core/base/result.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire {

// The dtype that the option `down-dtype` names. Empty: F16, next to which nothing is lost; beside a
// predictor that leaves neurons out anyhow Q8_0, without which blocks of 4 bits would not be worth
// reading apart.
inline Result<DType> down_dtype_of(std::string_view name, bool is_lossy) {
  if (name.empty()) return is_lossy ? DType::q8_0 : DType::f16;
  constexpr std::array<std::pair<std::string_view, DType>, 3> kNames{
      {{"f16", DType::f16}, {"q8_0", DType::q8_0}, {"q4_0", DType::q4_0}}};
  for (const auto& [known, dtype] : kNames)
    if (known == name) return dtype;
  return invalid_argument("down dtype: '{}', want f16, q8_0 or q4_0", name);
}

}  // namespace synfire
