#include "core/sparsity/score_calibration.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::Each;

constexpr std::size_t kNeurons = 200;

struct Data {
  std::vector<float> scores, gates;
};

// Gates of many offsets and sizes; scores of another scale that say them up to an error of each
// neuron's own size.
Data make(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Data data;
  for (std::size_t i = 0; i < n * kNeurons; ++i) {
    const auto neuron = static_cast<float>(i % kNeurons);
    const float size = 1 + neuron / 50, noise = 0.1F + neuron / 100;
    const float gate = size * (normal(random) - 1.5F);
    data.gates.push_back(gate);
    data.scores.push_back(3 * (gate + noise * normal(random)) + 7);
  }
  return data;
}

TEST(ScoreCalibration, TheWantedRecallHoldsOnOtherData) {
  const Data seen = make(2000, 1), unseen = make(2000, 2);
  double precision = 1;
  for (const double recall : {0.5, 0.9, 0.99}) {
    const auto biases = calibrate_scores(seen.scores, seen.gates, kNeurons, recall);
    ASSERT_EQ(biases.size(), kNeurons);
    const PredictionQuality quality = measure_scores(unseen.scores, unseen.gates, biases);
    EXPECT_NEAR(quality.recall, recall, 0.01);
    EXPECT_LT(quality.precision, precision);  // what more recall costs
    EXPECT_GT(quality.precision, 0.2);
    EXPECT_NEAR(quality.fired, 0.067, 0.005);
    EXPECT_NEAR(quality.predicted, quality.fired * quality.recall / quality.precision, 1e-6);
    precision = quality.precision;
  }
}

TEST(ScoreCalibration, OneBiasForAll) {
  const Data seen = make(2000, 1), unseen = make(2000, 2);
  for (const double recall : {0.5, 0.9, 1.0}) {
    const std::vector<float> biases(kNeurons, common_bias(seen.scores, seen.gates, recall));
    EXPECT_NEAR(measure_scores(unseen.scores, unseen.gates, biases).recall, recall, 0.01);
  }
  const std::vector<float> scores{1, 2}, gates{-1, 0};
  EXPECT_EQ(common_bias(scores, gates, 0.9), 0);  // nothing fires
}

TEST(ScoreCalibration, FullRecallMissesNothingSeen) {
  const Data seen = make(500, 3);
  const auto biases = calibrate_scores(seen.scores, seen.gates, kNeurons, 1);
  EXPECT_EQ(measure_scores(seen.scores, seen.gates, biases).recall, 1);
}

TEST(ScoreCalibration, ScoresThatAreTheGatesArePrecise) {
  const Data seen = make(500, 4);
  const auto biases = calibrate_scores(seen.gates, seen.gates, kNeurons, 1);
  const PredictionQuality quality = measure_scores(seen.gates, seen.gates, biases);
  EXPECT_EQ(quality.recall, 1);
  EXPECT_GT(quality.precision, 0.99);
}

TEST(ScoreCalibration, WhatNeverFiresIsNeverPredicted) {
  const std::vector<float> scores{1, 2, 3, 4}, gates{-1, -2, -3, -1};
  const auto biases = calibrate_scores(scores, gates, 2, 0.95);
  EXPECT_THAT(biases, Each(testing::Lt(-1e20F)));
  const PredictionQuality quality = measure_scores(scores, gates, biases);
  EXPECT_LT(quality.recall, 0);  // nothing to find
  EXPECT_LT(quality.precision, 0);
  EXPECT_EQ(quality.predicted, 0);
}

// Neuron 0 always fires at one score, neuron 1 never: their scores say nothing.
TEST(ScoreCalibration, ScoresWithoutNews) {
  const std::vector<float> scores{5, 5, 5, 5, 5, 5}, gates{1, -1, 2, -2, 1, -1};
  const auto biases = calibrate_scores(scores, gates, 2, 1);
  EXPECT_GT(biases[0], 1e20F);
  EXPECT_LT(biases[1], -1e20F);
}

}  // namespace
}  // namespace synfire
