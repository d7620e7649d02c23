#include "core/sparsity/coactivation.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace synfire {
namespace {

constexpr std::uint32_t kNeurons = 96;

// Neurons fire for a fifth of the tokens; those of a clique of `size` for the same ones, with some
// noise.
TraceSample traces_of_cliques(std::uint32_t size) {
  std::mt19937_64 random(1);
  const auto fifth = [&] { return random() & random() & (random() | random()); };  // 3 in 16
  TraceSample traces(kNeurons);
  std::vector<std::uint64_t> fired(kNeurons);
  for (int run = 0; run < 60; ++run) {
    std::uint64_t common = 0;
    for (std::uint32_t j = 0; j < kNeurons; ++j) {
      if (j % size == 0) common = fifth();
      fired[j] = common ^ (random() & random() & random() & random() & random());
    }
    traces.add(fired, 64);
  }
  return traces;
}

TEST(Coactivation, IndependentNeuronsHaveNoLift) {
  EXPECT_NEAR(find_coactivation(traces_of_cliques(1)).lift, 1, 0.03);
}

// 3 in 16 each: were all partners of one clique, they would fire together 16 / 3 times as often as
// by chance; the noise takes some of that.
TEST(Coactivation, CliquesOfTheSizeThatIsSoughtHaveTheirLift) {
  const double lift = find_coactivation(traces_of_cliques(Coactivation::kPartners + 1)).lift;
  EXPECT_GT(lift, 3.5);
  EXPECT_LT(lift, 16.0 / 3);
}

TEST(Coactivation, NoTracesNoLift) {
  EXPECT_EQ(find_coactivation(TraceSample(kNeurons)).lift, 0);
  TraceSample one(kNeurons);
  one.add(std::vector<std::uint64_t>(kNeurons, 1), 64);
  EXPECT_EQ(find_coactivation(one).lift, 0);  // none to measure in
}

}  // namespace
}  // namespace synfire
