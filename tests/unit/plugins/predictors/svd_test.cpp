#include <cmath>
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plugins/predictors/predictor_model.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kLayers = 2, kWidth = 64, kNeurons = 160, kRank = 32;

class SvdTest : public testing::Test {
 protected:
  SvdTest() {
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      model.add(name(layer, "a.weight"), DType::q8_0, kRank, kWidth, wave);
      model.add(name(layer, "b.weight"), DType::q8_0, kNeurons, kRank, wave);
      model.add(name(layer, "bias"), DType::f32, 1, kNeurons, wave);
    }
  }
  static double wave(std::size_t row, std::size_t col) {
    return std::sin(static_cast<double>(row * 131 + col * 7));
  }
  static std::string name(std::uint32_t layer, const std::string& which) {
    return "svd.blk." + std::to_string(layer) + "." + which;
  }
  Status refusal(const host::Options& options = {}) { return model.open("svd", options).status(); }

  test::PredictorModel model{kLayers, kWidth, kNeurons};
};

TEST_F(SvdTest, TwoLinearsAndABias) {
  model.set_number("svd.blk.1.recall", 0.94);
  model.set_number("svd.blk.1.precision", 0.4);
  auto svd = model.open("svd");
  ASSERT_TRUE(svd.ok()) << svd.status().to_string();
  const auto layer = svd->describe_layer(1);
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  EXPECT_EQ(layer->tap, std::uint32_t{SF_TAP_FFN_INPUT});
  EXPECT_EQ(layer->gate_rule, std::uint32_t{SF_GATE_POSITIVE});
  EXPECT_EQ(layer->score_threshold, 0);
  ASSERT_EQ(layer->n_ops, 2U);
  EXPECT_EQ(layer->ops[0].id, std::uint32_t{SF_OP_LINEAR});
  EXPECT_EQ(layer->ops[1].id, std::uint32_t{SF_OP_LINEAR});
  EXPECT_EQ(layer->ops[1].inputs[0], layer->ops[0].outputs[0]);
  EXPECT_EQ(layer->scores, layer->ops[1].outputs[0]);
  EXPECT_EQ(layer->tensors[layer->ops[0].weights[0]].data, model.tensor(name(1, "a.weight")).data);
  EXPECT_EQ(layer->tensors[layer->ops[1].weights[0]].data, model.tensor(name(1, "b.weight")).data);
  EXPECT_EQ(layer->tensors[layer->ops[1].weights[1]].data, model.tensor(name(1, "bias")).data);
  EXPECT_EQ(layer->bytes_per_token,
            (kRank * kWidth + kNeurons * kRank) / 32 * 34 + kNeurons * sizeof(float));
  EXPECT_EQ(layer->recall, 0.94);
  EXPECT_EQ(layer->precision, 0.4);
  EXPECT_LT(svd->describe_layer(0)->recall, 0);  // not said: unknown
}

TEST_F(SvdTest, ErrorsNameTheTensor) {
  EXPECT_EQ(refusal({{"rank", "2"}}),
            invalid_argument("plugin svd: option rank is unknown, want no options"));
  model.add(name(1, "bias"), DType::f32, 1, kNeurons + 1, wave);
  EXPECT_EQ(refusal(),
            invalid_argument("plugin svd: tensor svd.blk.1.bias: shape [1, 161], want [1, 160]"));
  model.add(name(1, "bias"), DType::f32, 1, kNeurons, wave);
  model.add(name(1, "b.weight"), DType::q8_0, kNeurons, kRank * 2, wave);
  EXPECT_EQ(refusal(), invalid_argument("plugin svd: tensor svd.blk.1.b.weight: shape [160, 64], "
                                        "want [160, 32]"));
  model.add(name(1, "a.weight"), DType::i8, kRank, kWidth, wave);
  EXPECT_EQ(refusal(), invalid_argument("plugin svd: tensor svd.blk.1.a.weight: dtype I8, want "
                                        "that of a weight"));
  model.drop(name(1, "a.weight"));
  EXPECT_EQ(refusal(),
            Status(StatusCode::not_found,
                   "plugin svd: tensor svd.blk.1.a.weight: "
                   "missing, want [any, 64]; `synfire predictor fit --type svd` makes it"));
}

}  // namespace
}  // namespace synfire
