#include "core/sparsity/cheapest_cut.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

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

// Scores that are log odds, gates by them, and costs that grow with the score.
struct SeenScores {
  std::vector<float> scores, gates, costs;

  explicit SeenScores(std::size_t n) {
    std::mt19937 random(2);
    std::uniform_real_distribution<float> uniform;
    for (std::size_t i = 0; i < n; ++i) {
      scores.push_back(20 * uniform(random) - 12);
      const bool fires = uniform(random) < probability(scores.back());
      gates.push_back(fires ? 1.0F : -1.0F);
      costs.push_back(fires ? cost(scores.back()) : 0.0F);
    }
  }
  static float probability(float score) { return 1 / (1 + std::exp(-score)); }
  static float cost(float score) { return std::exp(score / 8); }
};

TEST(CheapestCut, OfSeenScoresBothSidesCostTheSameAtTheCut) {
  const SeenScores seen(400000);
  for (const double active : {0.0, 5.0}) {
    const CheapestCut cut = CheapestCut::seen(2, active, seen.scores, seen.gates, seen.costs);
    for (const double worth : {3.0, 20.0, 200.0}) {
      const auto at = static_cast<float>(cut.margin(worth));
      const auto over_predicted = [&](float score) {
        const double p = SeenScores::probability(score);
        return worth * p * SeenScores::cost(score) / (2 + active * p);
      };
      EXPECT_NEAR(std::log(over_predicted(at)), 0, 0.25) << active << " " << worth;
      EXPECT_LT(over_predicted(at - 1), 1);
      EXPECT_GT(over_predicted(at + 1), 1);
    }
  }
}

TEST(CheapestCut, OfSeenScoresFallsAsErrorsGrowDearerHoweverFewWereSeen) {
  for (const std::size_t n : {0U, 1U, 50U, 5000U}) {
    const SeenScores seen(n);
    const CheapestCut cut = CheapestCut::seen(272, 544, seen.scores, seen.gates, seen.costs);
    double last = 1e300;
    for (double worth = 1e-30; worth < 1e30; worth *= 3) {
      const double margin = cut.margin(worth);
      EXPECT_FALSE(std::isnan(margin));
      EXPECT_LE(margin, last);
      last = margin;
    }
    EXPECT_GT(cut.margin(0), 1000);
  }
}

}  // namespace
}  // namespace synfire
