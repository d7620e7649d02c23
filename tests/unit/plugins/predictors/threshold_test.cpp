#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plugins/predictors/predictor_model.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kLayers = 2, kNeurons = 6, kWidth = 4;

TEST(Threshold, TheGateRuleAloneDecides) {
  test::PredictorModel model(kLayers, kWidth, kNeurons);
  model.desc().activation = SF_ACTIVATION_SILU;
  model.set_number("threshold.blk.0.threshold", 0.25);
  model.set_number("threshold.blk.1.threshold", 0);
  model.add("threshold.blk.0.weight", DType::f32, 1, kNeurons,
            [](std::size_t, std::size_t neuron) { return neuron + 0.5; });
  auto threshold = model.open("threshold");
  ASSERT_TRUE(threshold.ok()) << threshold.status().to_string();
  for (const auto& [index, wanted] : {std::pair(0U, 0.25F), std::pair(1U, 0.0F)}) {
    const auto layer = threshold->describe_layer(index);
    ASSERT_TRUE(layer.ok()) << layer.status().to_string();
    EXPECT_EQ(layer->gate_rule, std::uint32_t{SF_GATE_ABS_ABOVE});
    EXPECT_EQ(layer->gate_threshold, wanted);
    EXPECT_EQ(layer->scores, std::uint32_t{SF_NONE});
    EXPECT_EQ(layer->n_ops, 0U);
    EXPECT_EQ(layer->n_tensors, 0U);
    EXPECT_EQ(layer->bytes_per_token, 0U);
    EXPECT_EQ(layer->gate_weights == nullptr, index == 1);
  }
  EXPECT_EQ(threshold->describe_layer(0)->gate_weights[2], 2.5F);
}

TEST(Threshold, WeightsAreFloatsOfEveryNeuron) {
  test::PredictorModel model(1, kWidth, kNeurons);
  model.set_number("threshold.blk.0.threshold", 0.25);
  const auto one = [](std::size_t, std::size_t) { return 1.0; };
  model.add("threshold.blk.0.weight", DType::f32, 1, kNeurons + 1, one);
  EXPECT_EQ(model.open("threshold").status(),
            invalid_argument("plugin threshold: tensor threshold.blk.0.weight: shape [1, 7], want "
                             "[1, 6]"));
  model.add("threshold.blk.0.weight", DType::f16, 1, kNeurons, one);
  EXPECT_EQ(
      model.open("threshold").status(),
      invalid_argument("plugin threshold: tensor threshold.blk.0.weight: dtype F16, want F32"));
  model.add("threshold.blk.0.weight", DType::f32, 1, kNeurons,
            [](std::size_t, std::size_t neuron) { return neuron == 3 ? -1.0 : 1.0; });
  auto negative = model.open("threshold");
  ASSERT_TRUE(negative.ok());
  EXPECT_EQ(negative->describe_layer(0).status(),
            invalid_argument("plugin threshold: layer 0: gate weight -1 of neuron 3, want at least "
                             "0"));
}

TEST(Threshold, ErrorsNameTheNumber) {
  test::PredictorModel model(kLayers, kWidth, kNeurons);
  model.set_number("threshold.blk.0.threshold", 0.25);
  EXPECT_EQ(model.open("threshold").status(),
            Status(StatusCode::not_found,
                   "plugin threshold: number threshold.blk.1.threshold: missing; `synfire "
                   "predictor fit --type threshold` makes it"));
  model.set_number("threshold.blk.1.threshold", -0.5);
  EXPECT_EQ(model.open("threshold").status(),
            invalid_argument("plugin threshold: number threshold.blk.1.threshold: -0.5, want at "
                             "least 0"));
  model.set_number("threshold.blk.1.threshold", 0.5);
  EXPECT_EQ(model.open("threshold", {{"t", "2"}}).status(),
            invalid_argument("plugin threshold: option t is unknown, want no options"));
}

}  // namespace
}  // namespace synfire
