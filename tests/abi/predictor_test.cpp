#include "plugins/host/predictor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/ops.h"
#include "tests/abi/plugin_folder.hpp"
#include "tests/abi/plugin_log.hpp"

namespace synfire {
namespace {

using host::Predictor;
using testing::ElementsAre;

constexpr std::uint32_t kModelWidth = 4;
constexpr std::uint32_t kNeurons = 8;

// A model of two layers whose tensors are all one.
class PredictorTest : public testing::Test {
 protected:
  static const sf_tensor_desc* find_tensor(void* context, const char* name) {
    const auto& self = *static_cast<const PredictorTest*>(context);
    return std::string_view(name) == self.missing_ ? nullptr : &self.tensor_;
  }
  Result<Predictor> open(std::string_view plugin, const host::Options& options) {
    const Result<host::PluginRegistry> registry = folder_.load();
    SYNFIRE_RETURN_IF_ERROR(registry);
    SYNFIRE_ASSIGN_OR_RETURN(const auto found, registry->require_predictor(plugin));
    return found.open(model_, options);
  }

  test::PluginFolder folder_{{"synfire_predictor_oracle", "synfire_predictor_wrong"}};
  std::vector<float> data_ = std::vector<float>(kNeurons * kModelWidth);
  sf_tensor_desc tensor_{
      sizeof(sf_tensor_desc), 0, 0, 0, kNeurons, kModelWidth, "gate", data_.data()};
  std::string missing_;
  sf_model_desc model_{
      sizeof(sf_model_desc), 2,    kModelWidth, kNeurons, SF_ACTIVATION_RELU, 1, "model.gguf",
      &find_tensor,          this, nullptr};
};

TEST_F(PredictorTest, DescribesItsLayers) {
  Result<Predictor> oracle = open("oracle", {{"threshold", "0.25"}});
  ASSERT_TRUE(oracle.ok()) << oracle.status().to_string();
  const Result<sf_predictor_layer> layer = oracle->describe_layer(1);
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  EXPECT_EQ(layer->tap, std::uint32_t{SF_TAP_FFN_INPUT});
  EXPECT_EQ(layer->score_threshold, 0.25F);
  EXPECT_EQ(layer->values[layer->scores].width, kNeurons);
  EXPECT_EQ(layer->ops[0].id, std::uint32_t{SF_OP_LINEAR});
  EXPECT_EQ(layer->tensors[0].data, data_.data());
  EXPECT_EQ(layer->bytes_per_token, kNeurons * kModelWidth * sizeof(float));
}

TEST_F(PredictorTest, LayerOutOfRange) {
  Result<Predictor> oracle = open("oracle", {});
  ASSERT_TRUE(oracle.ok());
  EXPECT_EQ(oracle->describe_layer(2).status(),
            Status(StatusCode::out_of_range, "plugin oracle: layer 2, want less than 2"));
}

TEST_F(PredictorTest, OpenGivesThePluginsWords) {
  missing_ = "blk.1.ffn_gate.weight";
  EXPECT_EQ(open("oracle", {}).status(),
            Status(StatusCode::not_found, "plugin oracle: tensor blk.1.ffn_gate.weight: missing"));
  EXPECT_EQ(open("oracle", {{"rank", "4"}}).status(),
            invalid_argument("plugin oracle: unknown option 'rank', want threshold"));
}

TEST_F(PredictorTest, ObserveReachesThePluginAndClosesOnce) {
  test::PluginLog log;
  {
    Result<Predictor> oracle = open("oracle", {});
    ASSERT_TRUE(oracle.ok());
    Predictor moved = *std::move(oracle);
    const sf_active_header nothing{};
    moved.observe(0, nothing, nothing);
    moved.observe(1, nothing, nothing);
  }
  EXPECT_THAT(log.take(), ElementsAre("oracle: observed 2"));
}

TEST_F(PredictorTest, ObserveIsOptional) {
  Result<Predictor> wrong = open("wrong", {});
  ASSERT_TRUE(wrong.ok());
  EXPECT_TRUE(wrong->describe_layer(0).ok());  // right, unless it is asked for a fault
  const sf_active_header nothing{};
  wrong->observe(0, nothing, nothing);
}

TEST_F(PredictorTest, OpenedWithoutAnObject) {
  EXPECT_EQ(open("wrong", {{"fault", "nothing"}}).status(),
            Status(StatusCode::internal, "plugin wrong: open succeeded but gave nothing"));
}

TEST_F(PredictorTest, DescribeGivesThePluginsWords) {
  Result<Predictor> wrong = open("wrong", {{"fault", "error"}});
  ASSERT_TRUE(wrong.ok());
  EXPECT_EQ(wrong->describe_layer(0).status(),
            Status(StatusCode::unavailable, "plugin wrong: this layer is secret"));
}

TEST_F(PredictorTest, NothingNeedBeGuessed) {
  Result<Predictor> wrong = open("wrong", {{"fault", "rule alone"}});
  ASSERT_TRUE(wrong.ok());
  const Result<sf_predictor_layer> layer = wrong->describe_layer(1);
  ASSERT_TRUE(layer.ok()) << layer.status().to_string();
  EXPECT_EQ(layer->scores, std::uint32_t{SF_NONE});
}

TEST_F(PredictorTest, LayersThatCannotRunAreRefused) {
  const std::pair<const char*, const char*> faults[] = {
      {"unknown op", "op 0: unknown op 999"},
      {"stateful op", "op 0: kv_write is no op of a predictor: it uses more than the tap"},
      {"counts", "op 0: rms_norm: 1 inputs, 1 outputs, 2 weights, want 1, 1, 1"},
      {"no params", "op 0: rms_norm: parameters of 0 bytes, want 4"},
      {"no list", "op 1: linear: 1 inputs but no list of them"},
      {"read before write", "op 0: rms_norm: input 2 is not written before"},
      {"written twice", "op 1: linear: output 1 is written twice"},
      {"no value", "op 1: linear: output 9 is no value"},
      {"no weight", "op 1: linear: weight 7, want one of 2 tensors"},
      {"tap", "tap 9, want 1 to 4"},
      {"gate rule", "gate rule 9, want at most 2"},
      {"scores", "scores are value 3, want one of 3 values"},
      {"no scores", "scores are value 4294967295, want one of 3 values"},  // of what use are ops?
      {"no values", "3 values but no list of them"},
      {"tap width", "the tap has width 5, want 4"},
      {"scores width", "scores have width 9, want 8"},
      {"value kind", "value 1 of kind 3 and width 4, want rows of some width"},
      {"no ops", "no op writes the scores"},
      {"dtype", "tensor scores: dtype 77 is no weight's"},
      {"blocks", "tensor scores: shape [8, 4], want rows of whole blocks of 32"},
      {"no data", "tensor 1 lacks its data"},
  };
  for (const auto& [fault, words] : faults) {
    Result<Predictor> wrong = open("wrong", {{"fault", fault}});
    ASSERT_TRUE(wrong.ok());
    EXPECT_EQ(wrong->describe_layer(1).status(),
              invalid_argument("plugin wrong: layer 1: {}", words))
        << fault;
  }
}

}  // namespace
}  // namespace synfire
