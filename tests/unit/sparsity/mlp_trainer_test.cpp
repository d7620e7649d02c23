#include "core/sparsity/mlp_trainer.hpp"

#include <cmath>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sparsity/matrix_math.hpp"
#include "core/sparsity/score_calibration.hpp"
#include "tests/unit/sparsity/normals.hpp"

namespace synfire {
namespace {

constexpr std::size_t kInputs = 24, kNeurons = 40, kDirections = 6;

// Neurons that fire by a few directions of the input, of which the last input is always 1: the rule
// of a low-rank gate with a bias.
struct Planted {
  Planted(std::size_t n, unsigned seed) : x(normals(n * kInputs, seed)) {
    const std::vector<float> a = normals(kDirections * kInputs, 100);
    const std::vector<float> b = normals(kNeurons * kDirections, 200);
    for (std::size_t row = 0; row < n; ++row) x[row * kInputs + kInputs - 1] = 1;
    gates = multiply_transposed(multiply_transposed(x, a, kInputs), b, kDirections);
    for (float& gate : gates) {
      gate -= 14;
      fired.push_back(gate > 0 ? 1 : 0);
    }
  }
  [[nodiscard]] MlpSamples samples() const { return {kInputs, kNeurons, x, fired}; }

  std::vector<float> x, gates;
  std::vector<std::uint8_t> fired;
};

Mlp trained(const Planted& planted, std::size_t rank, std::size_t epochs) {
  MlpTrainer trainer(planted.samples(), MlpTraining{.batch_rows = 64});
  trainer.grow(rank);
  trainer.run(epochs);
  return trainer.mlp();
}

PredictionQuality quality(const Mlp& mlp, const Planted& on) {
  return measure_scores(mlp.scores(on.x), on.gates, std::vector<float>(kNeurons));
}

TEST(MlpTrainer, GradientsAreTheLossesDifferences) {
  const Planted planted(7, 1);
  Mlp mlp{kInputs, 5, normals(5 * kInputs, 2), normals(kNeurons * 5, 3)};
  Mlp gradient;
  mlp_loss(mlp, planted.samples(), 3, &gradient);
  const auto check = [&](std::vector<float>& values, const std::vector<float>& by) {
    ASSERT_EQ(values.size(), by.size());
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); i += 3) {
      constexpr float kStep = 1e-3F;
      const float value = values[i];
      values[i] = value + kStep;
      const double above = mlp_loss(mlp, planted.samples(), 3, nullptr);
      values[i] = value - kStep;
      const double below = mlp_loss(mlp, planted.samples(), 3, nullptr);
      values[i] = value;
      EXPECT_NEAR(by[i], (above - below) / (2 * kStep), 2e-3 * (1 + std::fabs(by[i]))) << i;
      largest = std::max(largest, std::fabs(double{by[i]}));
    }
    EXPECT_GT(largest, 0.1);  // there is something to compare
  };
  check(mlp.fc1, gradient.fc1);
  check(mlp.fc2, gradient.fc2);
}

TEST(MlpTrainer, LossOfScoresThatSayNothing) {
  const Planted planted(50, 1);
  const Mlp nothing{kInputs, 2, std::vector<float>(2 * kInputs), std::vector<float>(kNeurons * 2)};
  double fired = 0;
  for (const std::uint8_t one : planted.fired) fired += one;
  const double all = 50.0 * kNeurons;
  EXPECT_NEAR(mlp_loss(nothing, planted.samples(), 4, nullptr),
              std::log(2) * (all - fired + 4 * fired) / 50, 1e-6);
}

// The first hidden unit alone knows how often each neuron fires, before any step.
TEST(MlpTrainer, StartsWithTheRates) {
  const Planted planted(2000, 1);
  MlpTrainer trainer(planted.samples(), {});
  trainer.grow(8);
  const Mlp& mlp = trainer.mlp();
  const std::vector<float> scores = mlp.scores(planted.x);
  for (std::size_t j = 0; j < kNeurons; ++j) {
    double fired = 0;
    for (std::size_t row = 0; row < 2000; ++row) fired += planted.fired[row * kNeurons + j];
    const double odds = 8 * (fired + 0.5) / (2000 - fired + 0.5);
    EXPECT_NEAR(scores[j], std::log(odds), 0.02 * (1 + std::fabs(std::log(odds)))) << j;
  }
}

TEST(MlpTrainer, LearnsALowRankRule) {
  const Planted seen(4000, 1), unseen(2000, 2);
  const PredictionQuality before = quality(trained(seen, 24, 0), unseen);
  const PredictionQuality after = quality(trained(seen, 24, 30), unseen);
  ASSERT_GT(after.fired, 0.05);
  ASSERT_LT(after.fired, 0.25);
  EXPECT_GT(after.recall, 0.97);
  EXPECT_GT(after.precision, 0.7);
  // It had to learn that.
  EXPECT_LT(before.recall * before.precision, 0.5 * after.recall * after.precision);
}

TEST(MlpTrainer, UnitsThatAreAddedChangeNothingUntilTheyLearn) {
  const Planted seen(1500, 1);
  MlpTrainer trainer(seen.samples(), MlpTraining{.batch_rows = 64});
  trainer.grow(4);
  trainer.run(4);
  const double narrow = mlp_loss(trainer.mlp(), seen.samples(), 8, nullptr);
  trainer.grow(16);
  EXPECT_EQ(trainer.mlp().rank, 16U);
  EXPECT_NEAR(mlp_loss(trainer.mlp(), seen.samples(), 8, nullptr), narrow, 1e-5 * narrow);
  trainer.run(4);
  EXPECT_LT(mlp_loss(trainer.mlp(), seen.samples(), 8, nullptr), 0.9 * narrow);
}

TEST(MlpTrainer, TheSameOnEveryThreadAndRun) {
  const Planted seen(500, 1);
  const Mlp here = trained(seen, 8, 2);
  std::vector<Mlp> there(3);
  std::vector<std::thread> threads;
  for (Mlp& mlp : there) threads.emplace_back([&] { mlp = trained(seen, 8, 2); });
  for (std::thread& thread : threads) thread.join();
  for (const Mlp& mlp : there) {
    EXPECT_EQ(mlp.fc1, here.fc1);
    EXPECT_EQ(mlp.fc2, here.fc2);
  }
}

TEST(Mlp, WhatIsOverZeroDoesNotDependOnTheScale) {
  const Mlp mlp{kInputs, 5, normals(5 * kInputs, 2), normals(kNeurons * 5, 3)};
  const std::vector<float> x = normals(20 * kInputs, 4);
  std::vector<float> larger = x;
  for (float& value : larger) value *= 8;
  std::vector<float> scores = mlp.scores(x);
  for (float& score : scores) score *= 8;
  EXPECT_THAT(mlp.scores(larger), testing::Pointwise(testing::FloatNear(1e-3F), scores));
}

TEST(Mlp, BiasesGoIntoFc2) {
  const Planted planted(500, 1);
  Mlp mlp = trained(planted, 16, 3);
  const std::vector<float> hidden = mlp.hidden(planted.x), before = mlp.scores(planted.x);
  std::vector<float> biases(kNeurons, 0.5F);
  biases[3] = -2;
  mlp.add_biases(hidden, biases);
  const std::vector<float> after = mlp.scores(planted.x);
  double error = 0;
  for (std::size_t i = 0; i < after.size(); ++i)
    error += std::pow((after[i] - before[i]) / biases[i % kNeurons] - 1, 2);
  EXPECT_LT(std::sqrt(error / static_cast<double>(after.size())), 0.2);
}

}  // namespace
}  // namespace synfire
