#include <cmath>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plugins/predictors/predictor_model.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kLayers = 2, kWidth = 64, kNeurons = 160, kRank = 32;

class MlpTest : public testing::Test {
 protected:
  MlpTest() {
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      model.add(name(layer, "fc1"), DType::f16, kRank, kWidth, wave);
      model.add(name(layer, "fc2"), DType::f16, kNeurons, kRank, wave);
    }
  }
  static double wave(std::size_t row, std::size_t col) {
    return std::sin(static_cast<double>(row * 131 + col * 7));
  }
  static std::string name(std::uint32_t layer, const std::string& which) {
    return "blk." + std::to_string(layer) + "." + which + ".weight";
  }
  Status refusal(const host::Options& options = {}) { return model.open("mlp", options).status(); }

  test::PredictorModel model{kLayers, kWidth, kNeurons};
};

TEST_F(MlpTest, TwoLinearsWithAReluBetween) {
  model.set_number("powerinfer.sparse_threshold", 0.25);
  auto mlp = model.open("mlp");
  ASSERT_TRUE(mlp.ok()) << mlp.status().to_string();
  const auto layer = mlp->describe_layer(1);
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  EXPECT_EQ(layer->tap, std::uint32_t{SF_TAP_FFN_RESIDUAL});
  EXPECT_EQ(layer->gate_rule, std::uint32_t{SF_GATE_POSITIVE});
  EXPECT_EQ(layer->score_threshold, 0.25F);
  ASSERT_EQ(layer->n_ops, 3U);
  EXPECT_EQ(layer->ops[0].id, std::uint32_t{SF_OP_LINEAR});
  EXPECT_EQ(layer->ops[1].id, std::uint32_t{SF_OP_ACTIVATE});
  EXPECT_EQ(static_cast<const sf_activate_params*>(layer->ops[1].params)->activation,
            std::uint32_t{SF_ACTIVATION_RELU});
  EXPECT_EQ(layer->ops[2].id, std::uint32_t{SF_OP_LINEAR});
  EXPECT_EQ(layer->scores, layer->ops[2].outputs[0]);
  // The file's own bytes.
  ASSERT_EQ(layer->n_tensors, 2U);
  EXPECT_EQ(layer->tensors[0].data, model.tensor(name(1, "fc1")).data);
  EXPECT_EQ(layer->tensors[1].data, model.tensor(name(1, "fc2")).data);
  EXPECT_EQ(layer->bytes_per_token, 2 * (kRank * kWidth + kNeurons * kRank));
  EXPECT_LT(layer->recall, 0);  // unknown
  EXPECT_LT(layer->precision, 0);
}

TEST_F(MlpTest, WithoutAThresholdItIsZero) {
  auto mlp = model.open("mlp");
  ASSERT_TRUE(mlp.ok());
  EXPECT_EQ(mlp->describe_layer(0)->score_threshold, 0);
  model.desc().struct_size = offsetof(sf_model_desc, find_number);  // a host of ABI 1.0
  model.set_number("powerinfer.sparse_threshold", 0.25);
  EXPECT_EQ(model.open("mlp")->describe_layer(0)->score_threshold, 0);
}

TEST_F(MlpTest, OnlyAReluMayRuleByTheGate) {
  model.desc().activation = SF_ACTIVATION_SILU;
  EXPECT_EQ(model.open("mlp")->describe_layer(0)->gate_rule, std::uint32_t{SF_GATE_NONE});
  model.desc().activation = SF_ACTIVATION_DRELU;
  EXPECT_EQ(model.open("mlp")->describe_layer(0)->gate_rule, std::uint32_t{SF_GATE_POSITIVE});
}

TEST_F(MlpTest, RequantizedToInt8) {
  auto mlp = model.open("mlp", {{"dtype", "q8_0"}});
  ASSERT_TRUE(mlp.ok()) << mlp.status().to_string();
  const auto layer = mlp->describe_layer(1);
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  ASSERT_EQ(layer->n_tensors, 2U);
  for (std::uint32_t i = 0; i < 2; ++i) {
    const sf_tensor_desc& made = layer->tensors[i];
    EXPECT_EQ(made.dtype, static_cast<std::uint32_t>(DType::q8_0));
    const auto got = test::values_of(made);
    const auto want = test::values_of(model.tensor(made.name));
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t k = 0; k < got.size(); ++k)
      ASSERT_NEAR(got[k], want[k], 1.0 / 127) << made.name << " " << k;
  }
  EXPECT_EQ(layer->bytes_per_token, (kRank * kWidth + kNeurons * kRank) / 32 * 34);
}

// A sidecar's tensors, which training wrote, come before the model's own.
TEST_F(MlpTest, FromTheSidecarOrTheModel) {
  model.set_number("powerinfer.sparse_threshold", 0.25);
  for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
    model.add("mlp." + name(layer, "fc1"), DType::q8_0, 2 * kRank, kWidth, wave);
    model.add("mlp." + name(layer, "fc2"), DType::q4_0, kNeurons, 2 * kRank, wave);
  }
  model.set_number("mlp.blk.1.recall", 0.9);
  model.set_number("mlp.blk.1.precision", 0.5);
  for (const host::Options& options : {host::Options{}, {{"from", "sidecar"}}}) {
    auto mlp = model.open("mlp", options);
    ASSERT_TRUE(mlp.ok()) << mlp.status().to_string();
    const auto layer = mlp->describe_layer(1);
    EXPECT_EQ(layer->tensors[0].data, model.tensor("mlp." + name(1, "fc1")).data);
    EXPECT_EQ(layer->tensors[1].data, model.tensor("mlp." + name(1, "fc2")).data);
    EXPECT_EQ(layer->score_threshold, 0);  // the other threshold is not theirs
    EXPECT_EQ(layer->recall, 0.9);
    EXPECT_EQ(layer->precision, 0.5);
  }
  model.set_number("mlp.threshold", -1.5);
  EXPECT_EQ(model.open("mlp")->describe_layer(0)->score_threshold, -1.5F);
  auto own = model.open("mlp", {{"from", "model"}});
  ASSERT_TRUE(own.ok()) << own.status().to_string();
  EXPECT_EQ(own->describe_layer(1)->tensors[0].data, model.tensor(name(1, "fc1")).data);
  EXPECT_EQ(own->describe_layer(1)->score_threshold, 0.25F);
}

TEST_F(MlpTest, MissingTensors) {
  EXPECT_EQ(refusal({{"from", "sidecar"}}),
            Status(StatusCode::not_found,
                   "plugin mlp: tensor mlp.blk.0.fc1.weight: missing, want [any, 64]; `synfire "
                   "predictor fit --type mlp` makes it"));
  model.drop(name(1, "fc2"));
  EXPECT_EQ(refusal(), Status(StatusCode::not_found,
                              "plugin mlp: tensor blk.1.fc2.weight: missing, want [160, 32]"));
  model.drop(name(0, "fc1"));
  EXPECT_EQ(refusal(), Status(StatusCode::not_found,
                              "plugin mlp: tensor mlp.blk.0.fc1.weight: missing, want [any, 64]; "
                              "`synfire predictor fit --type mlp` makes it"));
}

TEST_F(MlpTest, WrongShapes) {
  model.add(name(0, "fc2"), DType::f32, kNeurons, kRank + 1, wave);
  EXPECT_EQ(refusal(), invalid_argument(
                           "plugin mlp: tensor blk.0.fc2.weight: shape [160, 33], want [160, 32]"));
  model.add(name(0, "fc1"), DType::f32, kRank, kWidth / 2, wave);
  EXPECT_EQ(refusal(), invalid_argument(
                           "plugin mlp: tensor blk.0.fc1.weight: shape [32, 32], want [any, 64]"));
}

TEST_F(MlpTest, OptionsThatMakeNoSense) {
  EXPECT_EQ(refusal({{"dtype", "i8"}}),
            invalid_argument(
                "plugin mlp: option dtype=i8, want file, or a weight dtype like f16 or q8_0"));
  EXPECT_EQ(refusal({{"rank", "4"}}),
            invalid_argument("plugin mlp: option rank is unknown, want one of from dtype"));
  EXPECT_EQ(refusal({{"from", "afar"}}),
            invalid_argument("plugin mlp: option from=afar, want any, sidecar or model"));
  EXPECT_EQ(refusal({{"dtype", "q6_k"}}),
            invalid_argument("plugin mlp: tensor blk.0.fc1.weight: rows of 64 elements, want a "
                             "multiple of 256 for Q6_K"));
}

}  // namespace
}  // namespace synfire
