#pragma once

#include <cstddef>
#include <span>

#include "core/sparsity/matrix_view.hpp"

namespace synfire {

// sum [a.rows, b.cols], rows contiguous, += a b, where a.cols = b.rows. Float sums of 256 products
// each, one after another: the order depends on shapes alone. One thread; any thread. AVX2 and FMA
// where the processor has them.
void add_product(const MatrixView& a, const MatrixView& b, float* sum);

// sum [cols, cols] += x^T x, x [n, cols], by the same means. What lies over the diagonal of the sum
// means nothing afterwards.
void add_gram(std::span<const float> x, std::size_t cols, float* sum);

}  // namespace synfire
