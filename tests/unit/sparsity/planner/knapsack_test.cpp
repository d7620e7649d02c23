#include "core/sparsity/planner/knapsack.hpp"

#include <random>

#include <gtest/gtest.h>

namespace synfire {
namespace {

constexpr std::size_t kEnough = 1U << 20;

struct Sum {
  double value = 0;
  std::uint64_t bytes = 0;
};

Sum sum_of(const std::vector<KnapsackItem>& items, const std::vector<bool>& taken) {
  Sum sum;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (taken[i]) sum.value += items[i].value, sum.bytes += items[i].bytes;
  return sum;
}

double best_of_all(const std::vector<KnapsackItem>& items, std::uint64_t capacity) {
  double best = 0;
  for (std::uint32_t ways = 0; ways < 1U << items.size(); ++ways) {
    std::vector<bool> taken(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) taken[i] = (ways >> i & 1) != 0;
    const Sum sum = sum_of(items, taken);
    if (sum.bytes <= capacity) best = std::max(best, sum.value);
  }
  return best;
}

std::vector<KnapsackItem> random_items(std::uint32_t n, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<KnapsackItem> items;
  for (std::uint32_t i = 0; i < n; ++i)
    items.push_back({std::uniform_real_distribution<double>(0, 1)(random), 1 + random() % 100});
  return items;
}

TEST(Knapsack, FindsTheBestFilling) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const auto items = random_items(1 + seed % 10, seed);
    for (const std::uint64_t capacity : {0U, 40U, 150U, 2000U}) {
      const Sum sum = sum_of(items, fill_knapsack(items, capacity, kEnough));
      EXPECT_LE(sum.bytes, capacity) << seed;
      EXPECT_NEAR(sum.value, best_of_all(items, capacity), 1e-12) << seed << ", " << capacity;
    }
  }
}

TEST(Knapsack, SmallOnesMayBeWorthMoreThanTheDensest) {
  const std::vector<KnapsackItem> items = {{60, 10}, {100, 20}, {120, 30}};
  EXPECT_EQ(fill_knapsack(items, 50, kEnough), (std::vector<bool>{false, true, true}));
}

TEST(Knapsack, EndsWhenItsNodesAreSpent) {
  const auto items = random_items(200, 1);
  const Sum sum = sum_of(items, fill_knapsack(items, 3000, 300));
  EXPECT_LE(sum.bytes, 3000U);
  EXPECT_GT(sum.value, 30);  // the densest first is a good start
}

TEST(Knapsack, NothingFillsNothing) {
  EXPECT_TRUE(fill_knapsack({}, 100, kEnough).empty());
  EXPECT_EQ(fill_knapsack({{1, 5}}, 4, kEnough), std::vector<bool>{false});
}

}  // namespace
}  // namespace synfire
