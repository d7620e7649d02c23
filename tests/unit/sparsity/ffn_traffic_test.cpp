#include "core/sparsity/ffn_traffic.hpp"

#include <gtest/gtest.h>

namespace synfire {
namespace {

TEST(DensePays, WhereMostNeuronsAreActive) {
  const FfnBytes gated{0, 100, 100, 100, 100};
  EXPECT_FALSE(dense_pays(gated, {1, 0.1}));
  EXPECT_FALSE(dense_pays(gated, {1, 0.7}));
  EXPECT_TRUE(dense_pays(gated, {1, 0.8}));
  EXPECT_TRUE(dense_pays(gated, {1, 1}));
}

TEST(DensePays, APredictorMustEarnItsBytes) {
  FfnBytes bytes{50, 100, 100, 100, 100};
  EXPECT_FALSE(dense_pays(bytes, {0.15, 0.1}));
  EXPECT_FALSE(dense_pays(bytes, {0.7, 0.5}));
  EXPECT_TRUE(dense_pays(bytes, {0.9, 0.6}));
  bytes.predictor = 300;
  EXPECT_TRUE(dense_pays(bytes, {0, 0}));
}

TEST(DensePays, WithoutGateRowsUpRowsDecide) {
  const FfnBytes plain{0, 0, 100, 100, 100};
  EXPECT_FALSE(dense_pays(plain, {1, 0.7}));
  EXPECT_TRUE(dense_pays(plain, {1, 0.8}));
}

TEST(DensePays, DownRowsMayBeLongerWhereTheyAreReadOneByOne) {
  const FfnBytes requantized{0, 100, 100, 100, 356};
  EXPECT_FALSE(dense_pays(requantized, {1, 0.2}));
  EXPECT_TRUE(dense_pays(requantized, {1, 0.5}));
}

}  // namespace
}  // namespace synfire
