#pragma once

#include <cstddef>
#include <cstdint>

#include "plugins/sdk/dtype.hpp"

namespace synfire {

// A matrix of rows of `width` elements each, of a dtype without blocks.
struct PlainMatrix {
  DType dtype;
  const std::byte* data;
  std::uint64_t rows, width;
};

// Columns [first, end) as floats, one after the other: rows of the transposed matrix.
void read_columns(const PlainMatrix& matrix, std::uint64_t first, std::uint64_t end, float* out);

}  // namespace synfire
