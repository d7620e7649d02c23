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
  }
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
