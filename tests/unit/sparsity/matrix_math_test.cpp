#include "core/sparsity/matrix_math.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/sparsity/normals.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;

// Inputs of which a few directions are much larger than the others.
std::vector<float> uneven_inputs(std::size_t n, std::size_t cols, unsigned seed) {
  std::vector<float> x = normals(n * cols, seed);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= i % cols < 4 ? 10.0F : 0.5F;
  return x;
}

std::vector<float> moments_of(const std::vector<float>& x, std::size_t cols) {
  std::vector<float> sum(cols * cols);
  add_outer_products(x, cols, sum);
  for (float& value : sum) value /= static_cast<float>(x.size() / cols);
  return sum;
}

// Mean square error of the low-rank outputs, over the mean square of the outputs.
double relative_error(const std::vector<float>& x, const std::vector<float>& w, std::size_t cols,
                      const LowRank& low_rank, std::size_t rank) {
  const auto want = multiply_transposed(x, w, cols);
  const auto got = multiply_transposed(multiply_transposed(x, low_rank.a, cols), low_rank.b, rank);
  double error = 0, size = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += std::pow(double{got[i]} - want[i], 2);
    size += std::pow(double{want[i]}, 2);
  }
  return error / size;
}

TEST(MatrixMath, MultiplyTransposed) {
  const std::vector<float> x{1, 2, 3, 4, 5, 6}, w{1, 0, -1, 2, 1, 0, 0, 0, 1, 1, 1, 1};
  EXPECT_THAT(multiply_transposed(x, w, 3), ElementsAre(-2, 4, 3, 6, -2, 13, 6, 15));
}

TEST(MatrixMath, OuterProductsAddUp) {
  std::vector<float> sum(4);
  add_outer_products(std::vector<float>{1, 2}, 2, sum);
  add_outer_products(std::vector<float>{3, -1, 0, 1}, 2, sum);
  EXPECT_EQ(sum[0], 10);
  EXPECT_EQ(sum[2], -1);  // lower triangle
  EXPECT_EQ(sum[3], 6);
}

TEST(MatrixMath, AMatrixOfThatRankComesBack) {
  constexpr std::size_t kRows = 90, kCols = 70, kRank = 12;
  // [rows, rank] times [cols, rank] transposed.
  const auto w = multiply_transposed(normals(kRows * kRank, 1), normals(kCols * kRank, 2), kRank);
  const auto x = uneven_inputs(300, kCols, 3);
  for (const bool whiten : {false, true}) {
    const auto low_rank =
        fit_low_rank(w, kCols, whiten ? moments_of(x, kCols) : std::vector<float>(), kRank);
    ASSERT_TRUE(low_rank.ok()) << low_rank.status().to_string();
    EXPECT_LT(relative_error(x, w, kCols, *low_rank, kRank), 1e-6) << whiten;
  }
}

TEST(MatrixMath, WhiteningSpendsTheRankWhereInputsAre) {
  constexpr std::size_t kRows = 128, kCols = 64, kRank = 8;
  const auto w = normals(kRows * kCols, 4);
  const auto moments = moments_of(uneven_inputs(2000, kCols, 5), kCols);
  const auto unseen = uneven_inputs(500, kCols, 6);
  const auto plain = fit_low_rank(w, kCols, {}, kRank);
  const auto white = fit_low_rank(w, kCols, moments, kRank);
  ASSERT_TRUE(plain.ok() && white.ok());
  EXPECT_LT(relative_error(unseen, w, kCols, *white, kRank), 0.04);
  EXPECT_GT(relative_error(unseen, w, kCols, *plain, kRank), 0.3);
}

TEST(MatrixMath, InnerValuesAreAlikeAndUncorrelated) {
  constexpr std::size_t kRows = 128, kCols = 64, kRank = 8;
  const auto x = uneven_inputs(4000, kCols, 7);
  const auto white = fit_low_rank(normals(kRows * kCols, 8), kCols, moments_of(x, kCols), kRank);
  ASSERT_TRUE(white.ok());
  // A little less than one: the ridge takes directions of small inputs for somewhat larger ones.
  const auto inner = moments_of(multiply_transposed(x, white->a, kCols), kRank);
  for (std::size_t i = 0; i < kRank; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      EXPECT_NEAR(inner[i * kRank + j], i == j ? 1 : 0, 0.03) << i << " " << j;
}

TEST(MatrixMath, FullRankIsExact) {
  constexpr std::size_t kRows = 40, kCols = 24;
  const auto w = normals(kRows * kCols, 9);
  const auto x = uneven_inputs(200, kCols, 10);
  const auto all = fit_low_rank(w, kCols, moments_of(x, kCols), kCols);
  ASSERT_TRUE(all.ok());
  EXPECT_LT(relative_error(x, w, kCols, *all, kCols), 1e-6);
}

TEST(MatrixMath, MomentsThatAreNone) {
  const auto w = normals(6 * 4, 11);
  std::vector<float> moments(16);
  EXPECT_FALSE(fit_low_rank(w, 4, moments, 2).ok());  // no inputs at all
  moments[0] = NAN;
  EXPECT_FALSE(fit_low_rank(w, 4, moments, 2).ok());
}

}  // namespace
}  // namespace synfire
