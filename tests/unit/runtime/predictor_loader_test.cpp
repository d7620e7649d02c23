#include "core/runtime/predictor_loader.hpp"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/abi/plugin_folder.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kWidth = 4, kNeurons = 8, kLayers = 3;

class PredictorLoaderTest : public testing::Test {
 protected:
  static const sf_tensor_desc* find_tensor(void* context, const char* /*name*/) {
    return &static_cast<const PredictorLoaderTest*>(context)->tensor_;
  }
  host::Predictor open(std::string_view plugin, const host::Options& options) {
    const auto registry = folder_.load();
    const auto found = registry->require_predictor(plugin);
    auto predictor = found->open(model_, options);
    EXPECT_TRUE(predictor.ok()) << predictor.status().to_string();
    return *std::move(predictor);
  }

  test::PluginFolder folder_{{"synfire_predictor_oracle", "synfire_predictor_wrong"}};
  std::vector<float> data_ = std::vector<float>(kNeurons * kWidth);
  sf_tensor_desc tensor_{sizeof(sf_tensor_desc), 0, 0, 0, kNeurons, kWidth, "gate", data_.data()};
  sf_model_desc model_{sizeof(sf_model_desc), kLayers,      kWidth, kNeurons, SF_ACTIVATION_RELU, 1,
                       "model.gguf",          &find_tensor, this,   nullptr};
};

TEST_F(PredictorLoaderTest, EveryLayerAsAProgram) {
  host::Predictor oracle = open("oracle", {{"threshold", "0.25"}});
  const auto program = load_predictor(oracle, kLayers, nullptr);
  ASSERT_TRUE(program.ok()) << program.status().to_string();
  EXPECT_EQ(program->kind, Prediction::plugin);
  EXPECT_EQ(program->name, "oracle");
  ASSERT_EQ(program->layers.size(), kLayers);
  for (const PredictorLayer& layer : program->layers) {
    EXPECT_EQ(layer.tap, std::uint32_t{SF_TAP_FFN_INPUT});
    EXPECT_EQ(layer.gate_rule, std::uint32_t{SF_GATE_POSITIVE});
    EXPECT_EQ(layer.score_threshold, 0.25F);
    ASSERT_EQ(layer.values.size(), 2U);
    EXPECT_EQ(layer.values[layer.scores].width, kNeurons);
    ASSERT_EQ(layer.ops.size(), 1U);
    EXPECT_EQ(layer.ops[0].id, std::uint32_t{SF_OP_LINEAR});
    EXPECT_THAT(layer.ops[0].inputs, ElementsAre(0));
    EXPECT_THAT(layer.ops[0].outputs, ElementsAre(1));
    EXPECT_THAT(layer.ops[0].weights, ElementsAre(0, kNone));  // no bias
    ASSERT_EQ(layer.weights.size(), 1U);
    EXPECT_EQ(layer.weights[0].name, "gate");
    EXPECT_EQ(layer.weights[0].rows, kNeurons);
    EXPECT_EQ(layer.weights[0].cols, kWidth);
    EXPECT_EQ(static_cast<const void*>(layer.weights[0].data), data_.data());
  }
}

TEST_F(PredictorLoaderTest, TheUsersThresholdWins) {
  host::Predictor oracle = open("oracle", {{"threshold", "0.25"}});
  const double threshold = 0.75;
  const auto program = load_predictor(oracle, kLayers, &threshold);
  ASSERT_TRUE(program.ok());
  for (const PredictorLayer& layer : program->layers) EXPECT_EQ(layer.score_threshold, 0.75F);
}

TEST_F(PredictorLoaderTest, WhereGatesDecideAloneTheUsersThresholdIsTheirs) {
  host::Predictor wrong = open("wrong", {{"fault", "rule alone"}});
  const double threshold = 0.75;
  const auto program = load_predictor(wrong, 1, &threshold);
  ASSERT_TRUE(program.ok()) << program.status().to_string();
  EXPECT_FALSE(program->layers[0].guesses());
  EXPECT_TRUE(program->computes_gates(0));
  EXPECT_EQ(program->layers[0].gate_threshold, 0.75F);
  EXPECT_EQ(program->layers[0].score_threshold, 0);
}

TEST_F(PredictorLoaderTest, ParametersAreCopied) {
  host::Predictor two_ops = open("wrong", {});  // nothing is wrong unless it is asked for
  const auto program = load_predictor(two_ops, 1, nullptr);
  ASSERT_TRUE(program.ok()) << program.status().to_string();
  const PredictorLayer& layer = program->layers[0];
  ASSERT_EQ(layer.ops.size(), 2U);
  EXPECT_EQ(std::get<sf_norm_params>(layer.ops[0].params).eps, 1e-5F);
  EXPECT_TRUE(std::holds_alternative<sf_no_params>(layer.ops[1].params));
  EXPECT_EQ(layer.weights.size(), 2U);
}

TEST_F(PredictorLoaderTest, WhatThePluginRefusesIsTheError) {
  host::Predictor secret = open("wrong", {{"fault", "error"}});
  const auto program = load_predictor(secret, 1, nullptr);
  EXPECT_EQ(program.status().code(), StatusCode::unavailable);
  EXPECT_THAT(program.status().message(), HasSubstr("this layer is secret"));
  host::Predictor few = open("oracle", {});
  EXPECT_FALSE(load_predictor(few, kLayers + 1, nullptr).ok());
}

}  // namespace
}  // namespace synfire
