#pragma once

#include <cstddef>
#include <span>

namespace synfire {

// Floats somewhere, taken as [rows, cols]: element (r, c) is data[r * row_stride + c * col_stride].
struct MatrixView {
  const float* data;
  std::size_t rows, cols;
  std::size_t row_stride, col_stride;

  // Rows one after another.
  static MatrixView of(std::span<const float> values, std::size_t cols) {
    return {values.data(), values.size() / cols, cols, cols, 1};
  }
  [[nodiscard]] MatrixView transposed() const { return {data, cols, rows, col_stride, row_stride}; }
  [[nodiscard]] MatrixView some_rows(std::size_t first, std::size_t n) const {
    return {data + first * row_stride, n, cols, row_stride, col_stride};
  }
  [[nodiscard]] MatrixView some_cols(std::size_t first, std::size_t n) const {
    return {data + first * col_stride, rows, n, row_stride, col_stride};
  }
};

}  // namespace synfire
