#include "core/sparsity/cheapest_cut.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace synfire {
namespace {

// What a gate of that margin is expected to cost predicted, and skipped, by drawing many.
struct Drawn {
  double predicted = 0, skipped = 0;
};
Drawn draw(double margin, double asked, double active, double worth) {
  constexpr int kDraws = 400000;
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  Drawn sum;
  for (int i = 0; i < kDraws; ++i) {
    const double gate = std::max(margin + normal(random), 0.0);
    sum.predicted += (asked + (gate > 0 ? active : 0)) / kDraws;
    sum.skipped += worth * gate * gate / kDraws;
  }
  return sum;
}

TEST(CheapestCut, BothSidesOfTheCutCostTheSameThere) {
  for (const double active : {0.0, 5.0})
    for (const double worth : {0.5, 3.0, 200.0}) {
      const CheapestCut cut(2, active);
      const double margin = cut.margin(worth);
      const Drawn at = draw(margin, 2, active, worth);
      EXPECT_NEAR(at.skipped / at.predicted, 1, 0.03) << active << " " << worth;
      const Drawn over = draw(margin + 0.5, 2, active, worth);
      EXPECT_GT(over.skipped, over.predicted);
      const Drawn under = draw(margin - 0.5, 2, active, worth);
      EXPECT_LT(under.skipped, under.predicted);
    }
}

TEST(CheapestCut, FallsAsErrorsGrowDearer) {
  const CheapestCut cut(272, 544);
  double last = 1e300;
  for (double worth = 1e-30; worth < 1e30; worth *= 3) {
    const double margin = cut.margin(worth);
    EXPECT_LE(margin, last);
    last = margin;
  }
  EXPECT_GT(cut.margin(0), 1000);      // worth nothing: never
  EXPECT_LT(cut.margin(1e30), -1000);  // beyond all price: always
}

}  // namespace
}  // namespace synfire
