#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/status.hpp"

namespace synfire {

// Rows of a tensor that are written to a file.
struct CheckedRows {
  std::string_view tensor;
  std::uint64_t first_row;
  std::uint64_t width;
  std::span<const float> values;
};

// An error that names the first value which is NaN or infinite: "tensor blk.0.ffn_up.weight: row 3,
// column 17: nan WHERE, want a finite number".
[[nodiscard]] Status check_finite(const CheckedRows& rows, std::string_view where);

}  // namespace synfire
