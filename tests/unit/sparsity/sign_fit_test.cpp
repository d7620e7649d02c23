#include "core/sparsity/sign_fit.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/sparsity/normals.hpp"

namespace synfire {
namespace {

constexpr std::size_t kCols = 9, kRows = 70;  // more rows than go by together

// Inputs that move together: the covariance of x + one shared part.
std::vector<float> covariance_of(float shared) {
  std::vector<float> covariance(kCols * kCols, shared);
  for (std::size_t i = 0; i < kCols; ++i) covariance[i * kCols + i] += 1;
  return covariance;
}

double error_of(const float* w, const std::vector<float>& covariance, const float* approximation) {
  double sum = 0;
  for (std::size_t r = 0; r < kCols; ++r)
    for (std::size_t c = 0; c < kCols; ++c)
      sum +=
          double{w[r] - approximation[r]} * covariance[r * kCols + c] * (w[c] - approximation[c]);
  return sum;
}

std::vector<float> row_of(const SignRows& signs, std::size_t row) {
  std::vector<float> values;
  for (std::size_t c = 0; c < kCols; ++c)
    values.push_back(signs.negative[row * kCols + c] != 0 ? -signs.scale[row] : signs.scale[row]);
  return values;
}

TEST(SignFit, WithoutCorrelationTheyAreTheWeightsOwnSigns) {
  const std::vector<float> w = normals(kRows * kCols, 1);
  const SignRows signs = fit_signs(w, kCols, covariance_of(0));
  for (std::size_t r = 0; r < kRows; ++r) {
    float magnitude = 0;
    for (std::size_t c = 0; c < kCols; ++c) {
      EXPECT_EQ(signs.negative[r * kCols + c] != 0, w[r * kCols + c] < 0);
      magnitude += std::abs(w[r * kCols + c]) / kCols;
    }
    EXPECT_NEAR(signs.scale[r], magnitude, 1e-5F);
  }
}

// Against all 512 rows of signs, each with its best scale.
TEST(SignFit, CloseToTheBestThatThereIs) {
  const std::vector<float> w = normals(kRows * kCols, 2), covariance = covariance_of(3);
  const SignRows signs = fit_signs(w, kCols, covariance);
  double fitted = 0, best = 0, own = 0;
  for (std::size_t r = 0; r < kRows; ++r) {
    const float* const row = w.data() + r * kCols;
    fitted += error_of(row, covariance, row_of(signs, r).data());
    double least = 1e30;
    for (unsigned code = 0; code < 1U << kCols; ++code) {
      std::vector<float> s(kCols);
      for (std::size_t c = 0; c < kCols; ++c) s[c] = (code >> c & 1U) != 0 ? -1.0F : 1.0F;
      double with_w = 0, with_s = 0;
      for (std::size_t i = 0; i < kCols; ++i)
        for (std::size_t k = 0; k < kCols; ++k) {
          with_w += double{row[i]} * covariance[i * kCols + k] * s[k];
          with_s += double{s[i]} * covariance[i * kCols + k] * s[k];
        }
      bool is_own = true;
      for (std::size_t c = 0; c < kCols; ++c) {
        is_own = is_own && (s[c] < 0) == (row[c] < 0);
        s[c] *= static_cast<float>(std::max(with_w / with_s, 0.0));
      }
      const double error = error_of(row, covariance, s.data());
      least = std::min(least, error);
      if (is_own) own += error;
    }
    best += least;
  }
  EXPECT_LT(fitted, own * 0.9);
  EXPECT_GE(fitted, best * 0.999);
  EXPECT_LT(fitted, best * 1.5);
}

TEST(SignFit, RowsDoNotDependOnTheirCompany) {
  const std::vector<float> w = normals(kRows * kCols, 3), covariance = covariance_of(1);
  const SignRows all = fit_signs(w, kCols, covariance);
  const std::vector<float> last(w.end() - kCols, w.end());
  const SignRows alone = fit_signs(last, kCols, covariance);
  EXPECT_EQ(alone.scale[0], all.scale.back());
  EXPECT_TRUE(std::equal(alone.negative.begin(), alone.negative.end(), all.negative.end() - kCols));
}

TEST(SignFit, SignsOfNothingAndTheirBits) {
  const SignRows signs = fit_signs(std::vector<float>(kCols, 0.0F), kCols, covariance_of(1));
  EXPECT_EQ(signs.scale[0], 0);
  const std::vector<std::uint8_t> negative{1, 0, 0, 0, 0, 0, 0, 1, 1,  //
                                           0, 1, 0, 0, 0, 0, 0, 0, 0};
  const std::vector<std::byte> want{std::byte{0x81}, std::byte{1}, std::byte{2}, std::byte{0}};
  EXPECT_EQ(pack_signs(negative, kCols), want);
}

}  // namespace
}  // namespace synfire
