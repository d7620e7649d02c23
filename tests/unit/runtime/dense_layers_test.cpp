#include "core/runtime/dense_layers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "core/runtime/stage_compiler.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using test::TinyModel;
using testing::ElementsAre;

class DenseLayers : public testing::Test {
 protected:
  Result<std::vector<bool>> find(const PredictorProgram& predictor) {
    const Result<GgufFile> file = model_.parse();
    EXPECT_TRUE(file.ok()) << file.status().to_string();
    std::optional<GgufFile> sidecar;
    if (with_sidecar_) sidecar = *sidecar_.parse();
    return find_dense_layers(*build_program(*file), *file, sidecar ? &*sidecar : nullptr,
                             predictor);
  }
  void say(const char* key, float share) { model_.header.set(key, share); }

  TinyModel model_;
  TinyModel sidecar_;  // its keys matter
  bool with_sidecar_ = false;
  const PredictorProgram exact_{Prediction::exact, "exact", {}};
  const PredictorProgram plugin_{Prediction::plugin, "test", std::vector<PredictorLayer>(2)};
};

TEST_F(DenseLayers, NothingKnownNothingDense) {
  EXPECT_THAT(*find(exact_), ElementsAre(false, false));
  say("synfire.activity.active_share", 0.95F);
  EXPECT_THAT(*find(plugin_), ElementsAre(false, false));  // how many are predicted?
}

TEST_F(DenseLayers, WhatTheModelSays) {
  say("synfire.activity.active_share", 0.05F);
  EXPECT_THAT(*find(exact_), ElementsAre(false, false));
  say("synfire.activity.active_share", 0.95F);
  EXPECT_THAT(*find(exact_), ElementsAre(true, true));
  say("synfire.activity.predicted_share", 0.99F);
  EXPECT_THAT(*find(plugin_), ElementsAre(true, true));
}

TEST_F(DenseLayers, WhatWasMeasuredWhenThePredictorWasFitted) {
  say("synfire.activity.active_share", 0.05F);
  say("synfire.activity.predicted_share", 0.05F);
  with_sidecar_ = true;
  sidecar_.header.set("synfire.predictor.type", "svd");
  for (const char* const key : {"svd.blk.0.predicted", "svd.blk.0.fired"})
    sidecar_.header.set(key, 0.05F);
  for (const char* const key : {"svd.blk.1.predicted", "svd.blk.1.fired"})
    sidecar_.header.set(key, 0.99F);
  PredictorProgram fitted = plugin_;
  for (PredictorLayer& layer : fitted.layers) layer.recall = 0.95;
  EXPECT_THAT(*find(fitted), ElementsAre(false, true));
  EXPECT_THAT(*find(plugin_), ElementsAre(false, false));  // another one than was fitted
}

// What a rule leaves out costs accuracy, and must save time for it.
TEST_F(DenseLayers, WhereLeavingNeuronsOutDoesNotPay) {
  PredictorProgram threshold{Prediction::plugin, "threshold", std::vector<PredictorLayer>(2)};
  for (PredictorLayer& layer : threshold.layers) {
    layer.scores = kNone;
    layer.gate_rule = SF_GATE_ABS_ABOVE;
  }
  for (PredictorLayer& layer : threshold.layers) layer.gate_threshold = 0.1F;
  with_sidecar_ = true;
  sidecar_.header.set("synfire.predictor.type", "threshold");
  sidecar_.header.set("threshold.blk.0.fired", 0.05F);
  sidecar_.header.set("threshold.blk.1.fired", 0.9F);
  for (const char* const key : {"threshold.blk.0.threshold", "threshold.blk.1.threshold"})
    sidecar_.header.set(key, 0.1F);
  EXPECT_THAT(*find(threshold), ElementsAre(false, true));
  threshold.layers[1].gate_threshold = 0.2F;  // another than was fitted
  EXPECT_THAT(*find(threshold), ElementsAre(false, false));
}

TEST_F(DenseLayers, AFileOfPairsIsReadInPairsByADenseRunToo) {
  model_ = TinyModel({.d_ff = 16384, .neuron_major_down = true});
  say("synfire.activity.active_share", 0.5F);
  EXPECT_THAT(*find(exact_), ElementsAre(false, false));
  model_ = TinyModel({.d_ff = 16384, .neuron_major_down = false});
  say("synfire.activity.active_share", 0.5F);
  EXPECT_THAT(*find(exact_), ElementsAre(true, true));
}

TEST_F(DenseLayers, WhatStaysInACacheWaitsForNoRow) {
  for (const std::uint32_t d_ff : {256u, 16384u}) {
    model_ = TinyModel({.d_ff = d_ff, .neuron_major_down = false});
    say("synfire.activity.active_share", 0.6F);
    EXPECT_THAT(*find(exact_), testing::Each(d_ff == 16384)) << d_ff;
  }
}

TEST_F(DenseLayers, AShareMustBeANumber) {
  model_.header.set("synfire.activity.active_share", "most");
  const Result<std::vector<bool>> found = find(exact_);
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.status().message(), testing::HasSubstr("synfire.activity.active_share"));
}

// What a plan of one device does for a model whose first layer is dense.
class DenseLayersPlan : public testing::TestWithParam<bool> {};

TEST_P(DenseLayersPlan, LooksForActiveNeuronsInTheOtherLayersAlone) {
  const TinyModel model({.neuron_major_down = GetParam()});
  const GgufFile file = *model.parse();
  const Program program = *build_program(file);
  const Hparams& h = program.hparams;
  const Placement placement = place_single({h.n_layers, h.d_ff, 4, 1, h.n_kv_heads, h.n_vocab});
  PredictorProgram predictor{Prediction::exact, "exact", {}};
  predictor.dense_layers = {true, false};
  const auto plan = compile_stages(program, file, placement, predictor, {1, 0});
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  std::vector<std::uint32_t> gated, listed, activated;
  for (const StageOp& op : plan->devices[0].stages[0].ops) {
    if (op.id == SF_OP_SELECT) gated.push_back(op.neurons);
    if (op.id == SF_OP_NEURON_FFN) listed.push_back(op.inputs[1]);
    if (op.id == SF_OP_ACTIVATE) activated.push_back(op.id);
  }
  EXPECT_EQ(gated.size(), 1U);
  if (GetParam()) {  // the same neurons, but all of them
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0], std::uint32_t{SF_NONE});
    EXPECT_NE(listed[1], std::uint32_t{SF_NONE});
  } else {  // matrices as they are in the file
    EXPECT_EQ(listed.size(), 1U);
    EXPECT_EQ(activated.size(), 1U);
  }
}

TEST_P(DenseLayersPlan, AGateRuleOnItsOwnNeedsNoList) {
  const TinyModel model({.neuron_major_down = GetParam()});
  const GgufFile file = *model.parse();
  const Program program = *build_program(file);
  const Hparams& h = program.hparams;
  const Placement placement = place_single({h.n_layers, h.d_ff, 4, 1, h.n_kv_heads, h.n_vocab});
  PredictorLayer layer;
  layer.scores = kNone;
  layer.gate_rule = SF_GATE_ABS_ABOVE;
  layer.gate_threshold = 0.5F;
  const PredictorProgram predictor{Prediction::plugin, "threshold", {layer, layer}};
  const auto plan = compile_stages(program, file, placement, predictor, {1, 0});
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  std::uint32_t found = 0;
  for (const StageOp& op : plan->devices[0].stages[0].ops) {
    EXPECT_NE(op.id, std::uint32_t{SF_OP_SELECT});
    if (op.id != SF_OP_NEURON_FFN) continue;
    ++found;
    EXPECT_EQ(op.inputs[1], std::uint32_t{SF_NONE});
    const auto& params = std::get<sf_neuron_ffn_params>(op.params);
    EXPECT_EQ(params.gate_rule, std::uint32_t{SF_GATE_ABS_ABOVE});
    EXPECT_EQ(params.gate_threshold, 0.5F);
  }
  EXPECT_EQ(found, 2U);
}

INSTANTIATE_TEST_SUITE_P(Layouts, DenseLayersPlan, testing::Bool());

}  // namespace
}  // namespace synfire
