#include <cmath>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plugins/predictors/predictor_model.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kLayers = 2, kNeurons = 130;

double wave(std::size_t row, std::size_t col) {
  return std::sin(static_cast<double>(row * 131 + col * 7));
}

TEST(Signbit, BitsAreTheSignsOfTheGate) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::q8_0}) {
    test::PredictorModel model(kLayers, 96, kNeurons);
    for (const char* gate : {"blk.0.ffn_gate.weight", "blk.1.ffn_gate.weight"})
      model.add(gate, dtype, kNeurons, 96, wave);
    for (const char* bias : {"signbit.blk.0.bias", "signbit.blk.1.bias"})
      model.add(bias, DType::f32, 1, kNeurons, wave);
    auto signbit = model.open("signbit");
    ASSERT_TRUE(signbit.ok()) << signbit.status().to_string();
    const auto layer = signbit->describe_layer(1);
    ASSERT_TRUE(layer.ok()) << layer.status().to_string();
    EXPECT_EQ(layer->tap, std::uint32_t{SF_TAP_FFN_INPUT});
    ASSERT_EQ(layer->n_ops, 1U);
    EXPECT_EQ(layer->ops[0].id, std::uint32_t{SF_OP_SIGN_LINEAR});
    EXPECT_EQ(layer->scores, layer->ops[0].outputs[0]);
    EXPECT_EQ(layer->bytes_per_token, kNeurons * (96 / 8 + 4));
    EXPECT_LT(layer->recall, 0);  // unknown
    const auto gate = test::values_of(model.tensor("blk.1.ffn_gate.weight"));
    const auto* const bits =
        static_cast<const std::uint8_t*>(layer->tensors[layer->ops[0].weights[0]].data);
    for (std::size_t i = 0; i < gate.size(); ++i)
      ASSERT_EQ((bits[i / 8] >> i % 8 & 1) != 0, gate[i] < 0) << i;
  }
}

TEST(Signbit, OfWidthsThatAreNoBytes) {
  test::PredictorModel model(1, 11, kNeurons);
  model.add("blk.0.ffn_gate.weight", DType::f32, kNeurons, 11, wave);
  model.add("signbit.blk.0.bias", DType::f32, 1, kNeurons, wave);
  auto signbit = model.open("signbit");
  ASSERT_TRUE(signbit.ok()) << signbit.status().to_string();
  const auto layer = signbit->describe_layer(0);
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  EXPECT_EQ(layer->tensors[layer->ops[0].weights[0]].cols, 2U);
  const auto gate = test::values_of(model.tensor("blk.0.ffn_gate.weight"));
  const auto* const bits =
      static_cast<const std::uint8_t*>(layer->tensors[layer->ops[0].weights[0]].data);
  for (std::size_t r = 0; r < kNeurons; ++r)
    for (std::size_t c = 0; c < 11; ++c)
      ASSERT_EQ((bits[r * 2 + c / 8] >> c % 8 & 1) != 0, gate[r * 11 + c] < 0) << r << " " << c;
}

TEST(Signbit, ACalibrationIsAdded) {
  test::PredictorModel model(1, 64, kNeurons);
  model.add("blk.0.ffn_up.weight", DType::f32, kNeurons, 64, wave);
  model.desc().gated = 0;  // then up decides
  model.add("signbit.blk.0.bias", DType::f32, 1, kNeurons, wave);
  model.set_number("signbit.blk.0.recall", 0.95);
  model.set_number("signbit.blk.0.precision", 0.25);
  auto signbit = model.open("signbit");
  ASSERT_TRUE(signbit.ok()) << signbit.status().to_string();
  const auto layer = signbit->describe_layer(0);
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  ASSERT_EQ(layer->n_tensors, 2U);
  EXPECT_EQ(layer->tensors[layer->ops[0].weights[1]].data, model.tensor("signbit.blk.0.bias").data);
  EXPECT_EQ(layer->recall, 0.95);
  EXPECT_EQ(layer->precision, 0.25);
  EXPECT_EQ(layer->bytes_per_token, kNeurons * (64 / 8 + 4));
}

TEST(Signbit, ErrorsNameTheTensor) {
  test::PredictorModel model(1, 64, kNeurons);
  EXPECT_EQ(model.open("signbit").status(),
            Status(StatusCode::not_found,
                   "plugin signbit: tensor blk.0.ffn_gate.weight: missing, want [130, 64]"));
  model.add("blk.0.ffn_gate.weight", DType::f32, kNeurons - 1, 64, wave);
  EXPECT_EQ(model.open("signbit").status(),
            invalid_argument("plugin signbit: tensor blk.0.ffn_gate.weight: shape [129, 64], want "
                             "[130, 64]"));
  model.add("blk.0.ffn_gate.weight", DType::f32, kNeurons, 64, wave);
  model.add("signbit.blk.0.bias", DType::f32, 1, 64, wave);
  EXPECT_EQ(model.open("signbit").status(),
            invalid_argument("plugin signbit: tensor signbit.blk.0.bias: shape [1, 64], want [1, "
                             "130]"));
  model.add("signbit.blk.0.bias", DType::f32, 1, kNeurons, wave);
  EXPECT_EQ(model.open("signbit", {{"bits", "2"}}).status(),
            invalid_argument("plugin signbit: option bits is unknown, want no options"));
  model.drop("signbit.blk.0.bias");
  EXPECT_EQ(model.open("signbit").status(),
            Status(StatusCode::not_found,
                   "plugin signbit: tensor signbit.blk.0.bias: missing, want [1, 130]; `synfire "
                   "predictor fit --type signbit` makes it"));
}

}  // namespace
}  // namespace synfire
