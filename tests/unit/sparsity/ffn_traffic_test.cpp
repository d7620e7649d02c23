#include "core/sparsity/ffn_traffic.hpp"

#include <gtest/gtest.h>

namespace synfire {
namespace {

constexpr FfnRows kMatrices{1536, false};
constexpr FfnRows kPairs{1536, true};

// Of rows of so many bytes.
FfnBytes gated(double row, double predictor = 0) {
  const double all = 1536 * row;
  return {predictor * all, all, all, all, all};
}

TEST(DensePays, WhereMostNeuronsAreActive) {
  EXPECT_FALSE(dense_pays(gated(1152), {1, 0.1}, kMatrices));
  EXPECT_FALSE(dense_pays(gated(1152), {1, 0.7}, kMatrices));
  EXPECT_TRUE(dense_pays(gated(1152), {1, 0.8}, kMatrices));
  EXPECT_TRUE(dense_pays(gated(1152), {1, 1}, kMatrices));
}

TEST(DensePays, SoonerWhereRowsAreShort) {
  EXPECT_FALSE(dense_pays(gated(360), {1, 0.45}, kMatrices));
  EXPECT_TRUE(dense_pays(gated(360), {1, 0.55}, kMatrices));
  EXPECT_FALSE(dense_pays(gated(4352), {1, 0.9}, kMatrices));
  EXPECT_TRUE(dense_pays(gated(4352), {1, 0.95}, kMatrices));
}

TEST(DensePays, LaterWhereDenseRowsComeInPairs) {
  EXPECT_FALSE(dense_pays(gated(324), {1, 0.8}, kPairs));
  EXPECT_TRUE(dense_pays(gated(324), {1, 0.8}, kMatrices));
  EXPECT_TRUE(dense_pays(gated(324), {1, 0.9}, kPairs));
}

TEST(DensePays, RowsInACacheCostTheirBytes) {
  for (const bool in_pairs : {false, true}) {
    EXPECT_FALSE(dense_pays(gated(64), {1, 0.7}, {1536, in_pairs, true}));
    EXPECT_TRUE(dense_pays(gated(64), {1, 0.8}, {1536, in_pairs, true}));
  }
}

TEST(DensePays, APredictorMustEarnItsBytes) {
  EXPECT_FALSE(dense_pays(gated(1152, 0.5), {0.15, 0.1}, kMatrices));
  EXPECT_FALSE(dense_pays(gated(1152, 0.5), {0.7, 0.5}, kMatrices));
  EXPECT_TRUE(dense_pays(gated(1152, 0.5), {0.9, 0.6}, kMatrices));
  EXPECT_TRUE(dense_pays(gated(1152, 3), {0, 0}, kMatrices));
}

TEST(DensePays, AskedRowsLieApartToo) {
  EXPECT_FALSE(dense_pays(gated(360, 0.1), {0.5, 0.3}, kMatrices));
  EXPECT_TRUE(dense_pays(gated(360, 0.1), {0.9, 0.3}, kMatrices));
}

TEST(DensePays, WithoutGateRowsUpRowsDecide) {
  const double all = 1536 * 1152;
  const FfnBytes plain{0, 0, all, all, all};
  EXPECT_FALSE(dense_pays(plain, {1, 0.7}, kMatrices));
  EXPECT_TRUE(dense_pays(plain, {1, 0.8}, kMatrices));
}

TEST(DensePays, DownRowsMayBeLongerWhereTheyAreReadOneByOne) {
  FfnBytes requantized = gated(1152);
  requantized.down_apart *= 3.56;
  EXPECT_FALSE(dense_pays(requantized, {1, 0.2}, kMatrices));
  EXPECT_TRUE(dense_pays(requantized, {1, 0.5}, kMatrices));
}

}  // namespace
}  // namespace synfire
