#include "core/model/synth/normal.hpp"

#include <gtest/gtest.h>

#include <random>

#include "plugins/sdk/ops.h"

namespace synfire::synth {
namespace {

TEST(Normal, QuantilesAreThoseOfTables) {
  EXPECT_NEAR(upper_quantile(0.1), 1.28155, 1e-4);
  EXPECT_NEAR(upper_quantile(0.5), 0, 1e-9);
  EXPECT_NEAR(upper_quantile(0.975), -1.95996, 1e-4);
  EXPECT_NEAR(upper_tail(upper_quantile(0.03)), 0.03, 1e-9);
}

TEST(Normal, MeanSquaresOfActivations) {
  EXPECT_NEAR(mean_square(SF_ACTIVATION_RELU, 0, 1), 0.5, 1e-3);
  EXPECT_NEAR(mean_square(SF_ACTIVATION_RELU, 10, 1), 101, 1e-2);
  EXPECT_NEAR(mean_square(SF_ACTIVATION_RELU2, 0, 1), 1.5, 1e-2);
  EXPECT_NEAR(mean_square(SF_ACTIVATION_SILU, 20, 0.1), 400, 0.1);
}

TEST(Normal, TheMarginGivesTheRecall) {
  constexpr double kThreshold = 1.28, kNoise = 0.06;
  const double margin = margin_for_recall(0.95, kThreshold, kNoise);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  int fired = 0, predicted = 0;
  for (int i = 0; i < 400000; ++i) {
    const double score = std::sqrt(1 - kNoise) * normal(random);
    if (score + std::sqrt(kNoise) * normal(random) <= kThreshold) continue;
    ++fired;
    predicted += score > kThreshold - margin;
  }
  EXPECT_NEAR(static_cast<double>(predicted) / fired, 0.95, 0.005);
  EXPECT_LT(margin, margin_for_recall(0.99, kThreshold, kNoise));
}

}  // namespace
}  // namespace synfire::synth
