#include "core/runtime/threshold_fit.hpp"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kWidth = 32, kNeurons = 256;

// Inputs as a norm leaves them, alike in all directions.
FfnInputs random_inputs(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  FfnInputs inputs(kWidth, false);
  for (RowSample* const sample : {&inputs.calibration, &inputs.held_out}) {
    std::vector<float> rows(std::size_t{400} * kWidth);
    for (float& value : rows) value = normal(random);
    sample->add(rows);
  }
  return inputs;
}

class ThresholdFit : public testing::Test {
 protected:
  Result<std::vector<FittedThreshold>> fit(double skip) {
    const GgufFile file = *model_.parse();
    return fit_thresholds(*build_program(file, activation_), file, inputs_, {skip},
                          [](std::size_t) {});
  }
  static double mean_skipped(const std::vector<FittedThreshold>& layers) {
    double sum = 0;
    for (const FittedThreshold& layer : layers) sum += layer.skipped;
    return sum / static_cast<double>(layers.size());
  }

  test::TinyModel model_{{.activation = "silu", .d_model = kWidth, .d_ff = kNeurons}};
  std::string activation_;
  std::vector<FfnInputs> inputs_{random_inputs(1), random_inputs(2)};
};

TEST_F(ThresholdFit, TheWantedShareIsLeftOutOfInputsThatItNeverSaw) {
  for (const double skip : {0.0, 0.1, 0.4, 0.8}) {
    const auto layers = fit(skip);
    ASSERT_TRUE(layers.ok()) << layers.status().to_string();
    ASSERT_EQ(layers->size(), 2U);
    for (const FittedThreshold& layer : *layers) EXPECT_NEAR(layer.skipped, skip, 0.03);
  }
}

TEST_F(ThresholdFit, MoreLeftOutNeverLowersAThresholdAndCostsMore) {
  auto less = *fit(0);
  for (double skip = 0.1; skip < 0.95; skip += 0.1) {
    const auto more = *fit(skip);
    for (std::size_t layer = 0; layer < more.size(); ++layer) {
      EXPECT_GE(more[layer].threshold, less[layer].threshold) << skip;
      EXPECT_GE(more[layer].error, less[layer].error) << skip;
    }
    less = more;
  }
  EXPECT_LT(less[0].error, 0.9);  // the largest went last
}

// What a ReLU makes zero is left out first, and for nothing.
TEST_F(ThresholdFit, OfAReluTheZerosGoFirst) {
  activation_ = "relu";
  const auto free = *fit(0.3);  // of about a half
  for (const FittedThreshold& layer : free) {
    EXPECT_EQ(layer.threshold, 0);
    EXPECT_EQ(layer.error, 0);
    EXPECT_GT(layer.skipped, 0.3);
  }
  const auto more = *fit(0.8);
  for (const FittedThreshold& layer : more) EXPECT_GT(layer.threshold, 0);
}

TEST_F(ThresholdFit, WithoutAGateUpDecides) {
  model_ = test::TinyModel({.architecture = "arcee",
                            .activation = "",
                            .d_model = kWidth,
                            .d_ff = kNeurons,
                            .neuron_major_down = true});
  activation_ = "gelu";
  EXPECT_NEAR(mean_skipped(*fit(0.4)), 0.4, 0.02);
}

// What a neuron's activation is worth counts: a tenth of its down row, a tenth of its weight.
TEST_F(ThresholdFit, NeuronsAreWeighedByWhatTheyAdd) {
  const auto whole = *fit(0.4);
  const GgufFile file = *model_.parse();
  const GgufTensor* const down = file.tensor("blk.0.ffn_down.weight");
  ASSERT_EQ(down->dtype, DType::f32);
  // Columns of the even neurons, in the file's own bytes.
  auto* const values = reinterpret_cast<float*>(const_cast<std::byte*>(down->data.data()));
  for (std::size_t i = 0; i < down->elements(); i += 2) values[i] /= 10;
  const auto layers =
      *fit_thresholds(*build_program(file), file, inputs_, {0.4}, [](std::size_t) {});
  const auto ratio = [&](std::size_t neuron) {
    return layers[0].weights[neuron] / whole[0].weights[neuron];
  };
  for (std::size_t neuron = 0; neuron < kNeurons; neuron += 2)
    EXPECT_LT(ratio(neuron), 0.3 * ratio(neuron + 1)) << neuron;
}

TEST_F(ThresholdFit, SilentInputsCostNothing) {
  for (FfnInputs& inputs : inputs_) {
    inputs = FfnInputs(kWidth, false);
    inputs.calibration.add(std::vector<float>(std::size_t{8} * kWidth, 0.0F));
    inputs.held_out.add(std::vector<float>(std::size_t{8} * kWidth, 0.0F));
  }
  const auto layers = *fit(0.4);
  for (const FittedThreshold& layer : layers) {
    EXPECT_EQ(layer.threshold, 0);
    EXPECT_EQ(layer.error, 0);
  }
}

TEST_F(ThresholdFit, WhatCannotBe) {
  EXPECT_EQ(check_threshold_fit({1}).message(), "skip: 1, want 0 to under 1");
  EXPECT_EQ(check_threshold_fit({-0.1}).message(), "skip: -0.1, want 0 to under 1");
  EXPECT_FALSE(check_threshold_fit({std::nan("")}).ok());
  EXPECT_TRUE(check_threshold_fit({0}).ok());
  inputs_.pop_back();
  EXPECT_EQ(fit(0.4).status().message(), "thresholds: inputs of 1 layers, the model has 2");
  inputs_.push_back(FfnInputs(kWidth, false));
  EXPECT_EQ(fit(0.4).status().message(), "thresholds: layer 1: no inputs, want at least one");
}

TEST_F(ThresholdFit, TheFileSaysWhatWasFitted) {
  const test::TempDir folder;
  const auto path = folder.path() / "made" / "predictor-threshold.gguf";
  const std::vector<FittedThreshold> layers{{0.25F, 0.5, 0.01, {1, 2, 3}},
                                            {0.5F, 0.3, 0.02, {4, 5, 6}}};
  ASSERT_TRUE(write_thresholds(path, layers, {0.4}).ok());
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  EXPECT_EQ(*file->get<std::string>("synfire.predictor.type"), "threshold");
  EXPECT_EQ(*file->get<double>("synfire.predictor.skip"), 0.4);
  EXPECT_EQ(*file->get<double>("threshold.blk.1.threshold"), 0.5);
  EXPECT_EQ(*file->get<double>("threshold.blk.1.fired"), 0.7);
  const GgufTensor* const weights = file->tensor("threshold.blk.1.weight");
  ASSERT_NE(weights, nullptr);
  ASSERT_EQ(weights->elements(), 3U);
  EXPECT_EQ(reinterpret_cast<const float*>(weights->data.data())[2], 6);
}

}  // namespace
}  // namespace synfire
