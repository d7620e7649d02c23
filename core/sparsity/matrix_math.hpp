#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.hpp"

// The linear algebra of fitting predictors: dense float matrices, rows contiguous. The .cpp is the
// only file that sees Eigen. Any thread; outer products take all cores.
namespace synfire {

// x [n, cols] times w [rows, cols] transposed: [n, rows].
[[nodiscard]] std::vector<float> multiply_transposed(std::span<const float> x,
                                                     std::span<const float> w, std::size_t cols);

// sum [cols, cols] += the sum over rows r of x [n, cols] of r r^T. Only the lower triangle is kept.
void add_outer_products(std::span<const float> x, std::size_t cols, std::span<float> sum);

// The v [cols] for which x v is nearest to 1 over all rows of x [n, cols] (least squares, v kept
// small by a little).
[[nodiscard]] std::vector<float> nearest_to_one(std::span<const float> x, std::size_t cols);

// A product of two thin matrices.
struct LowRank {
  std::vector<float> a;  // [rank, cols]
  std::vector<float> b;  // [rows, rank]
};

// The b a of that rank that is nearest to w [rows, cols] for inputs x with E[x x^T] = moments
// (lower triangle of [cols, cols]; empty: inputs alike in all directions): least E |w x - b a x|^2.
// b's columns are directions of the outputs that hold most of their variance (the truncated SVD of
// w L, moments = L L^T), found by subspace iteration; a's outputs have unit variance and no
// correlation, and come in falling order of b's: the first r of them are the fit of rank r. At most
// of rank min(rows, cols). An error where the moments are no covariance.
[[nodiscard]] Result<LowRank> fit_low_rank(std::span<const float> w, std::size_t cols,
                                           std::span<const float> moments, std::size_t rank);

}  // namespace synfire
