#include "core/sparsity/matrix_product.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/sparsity/normals.hpp"

namespace synfire {
namespace {

double element(const MatrixView& m, std::size_t r, std::size_t c) {
  return m.data[r * m.row_stride + c * m.col_stride];
}

void expect_product(const MatrixView& a, const MatrixView& b) {
  std::vector<float> sum = normals(a.rows * b.cols, 3);
  const std::vector<float> before = sum;
  add_product(a, b, sum.data());
  for (std::size_t r = 0; r < a.rows; ++r)
    for (std::size_t c = 0; c < b.cols; ++c) {
      double want = before[r * b.cols + c];
      for (std::size_t k = 0; k < a.cols; ++k) want += element(a, r, k) * element(b, k, c);
      ASSERT_NEAR(sum[r * b.cols + c], want, 1e-5 * (10 + std::sqrt(a.cols) * 10))
          << a.rows << " x " << a.cols << " x " << b.cols << " at " << r << ", " << c;
    }
}

// Tiles, blocks and what is over them, in each order of storage.
TEST(MatrixProduct, ShapesAndStrides) {
  struct Shape {
    std::size_t rows, depth, cols;
  };
  for (const auto& [rows, depth, cols] :
       {Shape{1, 1, 1}, Shape{6, 16, 16}, Shape{7, 3, 17}, Shape{97, 257, 33}, Shape{13, 40, 1041},
        Shape{193, 513, 20}}) {
    const std::vector<float> a = normals(rows * depth, 1), b = normals(depth * cols, 2);
    expect_product(MatrixView::of(a, depth), MatrixView::of(b, cols));
    expect_product(MatrixView::of(a, rows).transposed(), MatrixView::of(b, cols));
    expect_product(MatrixView::of(a, depth), MatrixView::of(b, depth).transposed());
  }
}

TEST(MatrixProduct, PartsOfMatrices) {
  const std::vector<float> a = normals(40 * 50, 4), b = normals(60 * 30, 5);
  expect_product(MatrixView::of(a, 50).some_rows(3, 20).some_cols(7, 31),
                 MatrixView::of(b, 30).some_rows(11, 31).some_cols(2, 19));
}

TEST(MatrixProduct, GramsAreProductsUpToTheDiagonal) {
  for (const auto& [n, cols] :
       {std::pair<std::size_t, std::size_t>{1, 1}, {3, 20}, {130, 97}, {256, 200}, {300, 1100}}) {
    const std::vector<float> x = normals(n * cols, 6);
    std::vector<float> gram = normals(cols * cols, 7), product = gram;
    add_gram(x, cols, gram.data());
    const MatrixView rows = MatrixView::of(x, cols);
    add_product(rows.transposed(), rows, product.data());
    for (std::size_t r = 0; r < cols; ++r)
      for (std::size_t c = 0; c <= r; ++c)
        ASSERT_EQ(gram[r * cols + c], product[r * cols + c])
            << n << " x " << cols << ": " << r << " " << c;
  }
}

}  // namespace
}  // namespace synfire
