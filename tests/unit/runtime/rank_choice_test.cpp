#include "core/runtime/rank_choice.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace synfire {
namespace {

constexpr std::size_t kTokens = 400, kWidth = 128, kNeurons = 96;

std::vector<float> normals(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

// Gates of which 64 directions of the input decide the sign. a is the input itself, in its order:
// the gates' first 32 directions weigh much, the next 32 less, all others nothing.
struct Layer {
  Layer() : x(normals(kTokens * kWidth, 1)) {
    fit.a.assign(kWidth * kWidth, 0.0F);
    for (std::size_t i = 0; i < kWidth; ++i) fit.a[i * kWidth + i] = 1;
    fit.b = normals(kNeurons * kWidth, 2);
    for (std::size_t i = 0; i < fit.b.size(); ++i) {
      const std::size_t direction = i % kWidth;
      fit.b[i] *= direction < 32 ? 1.0F : direction < 64 ? 0.3F : 0.0F;
    }
    gates.resize(kTokens * kNeurons);
    for (std::size_t t = 0; t < kTokens; ++t)
      for (std::size_t j = 0; j < kNeurons; ++j) {
        float sum = -6;  // some 15 % fire
        for (std::size_t i = 0; i < kWidth; ++i) sum += fit.b[j * kWidth + i] * x[t * kWidth + i];
        gates[t * kNeurons + j] = sum;
      }
  }

  [[nodiscard]] std::uint32_t cheapest(RankCost cost) const {
    return cheapest_rank(fit, x, gates, kNeurons, 0.98, cost);
  }

  std::vector<float> x, gates;
  LowRank fit;
};

TEST(RankChoice, DirectionsThatSayNothingAreNeverTaken) {
  EXPECT_EQ(Layer().cheapest({1, 1'000'000}), 64U);
}

TEST(RankChoice, DirectionsThatCostMoreThanTheyAreWorthAreNotTaken) {
  EXPECT_EQ(Layer().cheapest({1'000'000, 1}), 32U);
}

// From 32 to 64 directions the predicted share falls: at some price of a direction the choice
// turns, and below it the wider rank reads less.
TEST(RankChoice, ThePriceOfADirectionDecides) {
  const Layer layer;
  std::uint32_t before = 64;
  for (const std::uint64_t rank_bytes : {1, 10, 100, 1000, 10'000}) {
    const std::uint32_t rank = layer.cheapest({rank_bytes, 1000});
    EXPECT_LE(rank, before) << rank_bytes;
    before = rank;
  }
  EXPECT_EQ(before, 32U);
}

}  // namespace
}  // namespace synfire
