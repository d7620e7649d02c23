#include "core/runtime/stage_compiler.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "core/runtime/shard_rules.hpp"
#include "tests/support/tiny_model.hpp"
#include "tests/unit/runtime/expressions.hpp"

namespace synfire {
namespace {

using test::TinyModel;
using test::TinyShape;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t kGroupSize = 4;  // 5 groups of a layer's 20 neurons

// A model and one way to run it.
struct Compiled {
  explicit Compiled(const TinyShape& shape = {})
      : file(*TinyModel(shape).parse()), program(*build_program(file)) {}

  [[nodiscard]] PlacementShape shape(std::uint32_t n_devices) const {
    const Hparams& h = program.hparams;
    const ShardRuns runs = shard_runs(program, file, kGroupSize);
    return {h.n_layers,   h.d_ff,    kGroupSize,    n_devices,
            h.n_kv_heads, h.n_vocab, runs.kv_heads, runs.groups};
  }

  // The plan; checked to run to its end and to compute what the program says.
  ExecutionPlan compile(const Placement& how, const PredictorProgram& predictor,
                        std::uint32_t n_devices) {
    auto plan = compile_stages(program, file, how, predictor, {n_devices, 0});
    EXPECT_TRUE(plan.ok()) << plan.status().to_string();
    if (!plan.ok()) return {};
    const test::PlanRun run = test::run_plan(*plan);
    EXPECT_EQ(run.error, "");
    EXPECT_EQ(run.logits, test::expected_logits(program, how, predictor));
    return *std::move(plan);
  }
  ExecutionPlan neurons(const PredictorProgram& predictor, std::uint32_t n_devices,
                        std::optional<double> split = {}) {
    return compile(*place_neurons(shape(n_devices), split), predictor, n_devices);
  }

  ExecutionPlan shards(const PredictorProgram& predictor, std::uint32_t n_devices,
                       std::optional<double> split = {}) {
    const auto placement = place_shards(shape(n_devices), split);
    EXPECT_TRUE(placement.ok()) << placement.status().to_string();
    return placement.ok() ? compile(*placement, predictor, n_devices) : ExecutionPlan();
  }

  GgufFile file;
  Program program;
};

// 4 KV heads of 2 query heads of 2 columns each.
TinyShape four_kv_heads() { return {.d_model = 16, .n_heads = 8, .n_kv_heads = 4}; }

std::vector<std::string> weight_names(const ExecutionPlan& plan, std::uint32_t device) {
  std::vector<std::string> names;
  for (const WeightUpload& upload : plan.devices[device].weights) names.push_back(upload.name);
  return names;
}

PredictorProgram dense() { return {Prediction::none, "none", {}}; }
PredictorProgram exact() { return {Prediction::exact, "exact", {}}; }

// Scores by one matrix, from `tap`, for every layer.
PredictorProgram predicted(const Program& program, std::uint32_t tap) {
  static const std::vector<std::byte> data(8 * 20 * 4);
  PredictorProgram predictor{Prediction::plugin, "test", {}};
  for (std::uint32_t l = 0; l < program.hparams.n_layers; ++l) {
    PredictorLayer& layer = predictor.layers.emplace_back();
    layer.tap = tap;
    layer.gate_rule = SF_GATE_ABS_ABOVE;
    layer.gate_threshold = 0.25F;
    layer.score_threshold = 0.5F + static_cast<float>(l);
    layer.values = {{SF_VALUE_ROWS, program.hparams.d_model},
                    {SF_VALUE_ROWS, program.hparams.d_ff}};
    layer.ops = {{SF_OP_LINEAR, {0}, {1}, {0, kNone}, sf_no_params{}}};
    layer.weights = {
        {"scores", DType::f32, program.hparams.d_ff, program.hparams.d_model, data.data()}};
    layer.scores = 1;
  }
  return predictor;
}

std::vector<std::size_t> stage_counts(const ExecutionPlan& plan) {
  std::vector<std::size_t> counts;
  for (const DevicePlan& device : plan.devices) counts.push_back(device.stages.size());
  return counts;
}

// Channels that go from one device to another.
std::size_t crossings(const ExecutionPlan& plan) {
  std::size_t count = 0;
  for (const Channel& channel : plan.channels)
    for (const PortRef& to : channel.to) count += to.device != channel.from.device;
  return count;
}

std::size_t count_ops(const ExecutionPlan& plan, std::uint32_t id) {
  std::size_t count = 0;
  for (const DevicePlan& device : plan.devices)
    for (const StageSpec& stage : device.stages)
      count += static_cast<std::size_t>(std::count_if(
          stage.ops.begin(), stage.ops.end(), [&](const StageOp& op) { return op.id == id; }));
  return count;
}

TEST(StageCompiler, OneDeviceIsOneStageWithNothingButLogits) {
  Compiled model;
  for (const PredictorProgram& predictor :
       {dense(), exact(), predicted(model.program, SF_TAP_FFN_INPUT)}) {
    const ExecutionPlan plan = model.compile(place_single(model.shape(1)), predictor, 1);
    EXPECT_THAT(stage_counts(plan), ElementsAre(1)) << predictor.name;
    ASSERT_EQ(plan.channels.size(), 1U);
    EXPECT_THAT(plan.logits, ElementsAre(0));
    EXPECT_THAT(plan.channels[0].to, IsEmpty());
    EXPECT_EQ(plan.channels[0].value.kind, std::uint32_t{SF_VALUE_WANTED_ROWS});
    EXPECT_EQ(plan.channels[0].value.width, 11U);
    EXPECT_EQ(plan.forks + plan.joins, 0U);
    EXPECT_THAT(plan.devices[0].kv_layers, ElementsAre(0, 1));
    EXPECT_THAT(plan.devices[0].stages[0].inputs, IsEmpty());
  }
}

TEST(StageCompiler, TwoDevicesMeetOncePerLayer) {
  Compiled model({.n_layers = 3});
  for (const PredictorProgram& predictor : {dense(), exact()}) {
    const ExecutionPlan plan = model.neurons(predictor, 2, 0.4);
    EXPECT_EQ(plan.forks, 3U);
    EXPECT_EQ(plan.joins, 3U);
    EXPECT_THAT(stage_counts(plan), ElementsAre(4, 3));  // up to each join, and the rest
    for (const StageSpec& stage : plan.devices[1].stages) {
      EXPECT_EQ(stage.inputs.size(), 1U);   // the fork: the FFN's input
      EXPECT_EQ(stage.outputs.size(), 1U);  // the join: a partial sum
    }
    EXPECT_EQ(crossings(plan), 6U);
    EXPECT_THAT(plan.devices[1].kv_layers, IsEmpty());
    EXPECT_THAT(plan.devices[1].weights, IsEmpty());
    ASSERT_EQ(plan.devices[1].neurons.size(), 3U);
    EXPECT_THAT(plan.devices[0].neurons[2].groups, ElementsAre(0, 1));
    EXPECT_THAT(plan.devices[1].neurons[2].groups, ElementsAre(2, 3, 4));
    EXPECT_EQ(plan.devices[1].neurons[2].layer, 2U);
  }
}

TEST(StageCompiler, TheHalvesOfAnFfnRunAtTheSameTime) {
  Compiled model({.n_layers = 1});
  const ExecutionPlan plan = model.neurons(exact(), 2, 0.4);
  // The FFN's input leaves before the home device turns to its own neurons.
  const StageSpec& home = plan.devices[0].stages[0];
  const auto copied = std::find_if(home.ops.begin(), home.ops.end(), [&](const StageOp& op) {
    return op.id == SF_OP_COPY && op.outputs[0] == home.outputs[0];
  });
  const auto computed = std::find_if(home.ops.begin(), home.ops.end(),
                                     [](const StageOp& op) { return op.id == SF_OP_NEURON_GATE; });
  ASSERT_NE(copied, home.ops.end());
  ASSERT_NE(computed, home.ops.end()) << "its share waits for the join";
  EXPECT_LT(copied, computed);
}

TEST(StageCompiler, ThreeDevicesMeetOncePerLayerToo) {
  Compiled model({.n_layers = 3});
  for (const PredictorProgram& predictor : {dense(), exact()}) {
    const ExecutionPlan plan = model.neurons(predictor, 3);
    EXPECT_EQ(plan.forks, 3U);
    EXPECT_EQ(plan.joins, 3U);
    EXPECT_THAT(stage_counts(plan), ElementsAre(4, 3, 3));
    for (std::size_t stage = 1; stage < 4; ++stage) {
      std::size_t joined = 0;  // partial sums from the others
      for (const Channel& channel : plan.channels)
        for (const PortRef& to : channel.to)
          joined += to.device == 0 && to.stage == stage && channel.from.device != 0;
      EXPECT_EQ(joined, 2U) << stage;
    }
    EXPECT_EQ(crossings(plan), 12U);
    EXPECT_EQ(count_ops(plan, SF_OP_NEURON_FFN), 9U);
  }
}

TEST(StageCompiler, SplitZeroLeavesTheHomeWithoutNeurons) {
  Compiled model;
  for (const PredictorProgram& predictor : {dense(), exact()}) {
    const ExecutionPlan plan = model.neurons(predictor, 2, 0.0);
    EXPECT_EQ(plan.forks, 2U);
    EXPECT_THAT(stage_counts(plan), ElementsAre(3, 2));
    EXPECT_THAT(plan.devices[0].neurons, IsEmpty());
    EXPECT_EQ(crossings(plan), 4U);
  }
  // Dense where one device has it all; neuron by neuron otherwise.
  EXPECT_EQ(count_ops(model.neurons(dense(), 2, 0.0), SF_OP_NEURON_FFN), 0U);
  EXPECT_EQ(count_ops(model.neurons(exact(), 2, 0.0), SF_OP_NEURON_FFN), 2U);
}

TEST(StageCompiler, SplitOneLeavesTheOtherWithNothing) {
  Compiled model;
  for (const PredictorProgram& predictor : {dense(), exact()}) {
    const ExecutionPlan plan = model.neurons(predictor, 2, 1.0);
    EXPECT_EQ(plan.forks + plan.joins, 0U);
    EXPECT_THAT(stage_counts(plan), ElementsAre(1, 0));
    EXPECT_EQ(plan.channels.size(), 1U);
  }
}

TEST(StageCompiler, WholeLayersAreOneStagePerDevice) {
  Compiled model({.n_layers = 5});
  for (const std::uint32_t n : {2U, 3U, 5U}) {
    const ExecutionPlan plan = model.compile(*place_layers(model.shape(n), {}), exact(), n);
    EXPECT_THAT(stage_counts(plan), testing::Each(1U)) << n;
    EXPECT_EQ(crossings(plan), n - 1);  // the residual stream
    EXPECT_EQ(plan.forks, 0U);
  }
  const ExecutionPlan plan = model.compile(*place_layers(model.shape(2), 0.4), exact(), 2);
  EXPECT_THAT(plan.devices[0].kv_layers, ElementsAre(0, 1));
  EXPECT_THAT(plan.devices[1].kv_layers, ElementsAre(2, 3, 4));
}

TEST(StageCompiler, WholeLayersAllOnOneSide) {
  Compiled model;
  const auto counts = [&](double split) {
    return stage_counts(model.compile(*place_layers(model.shape(2), split), dense(), 2));
  };
  EXPECT_THAT(counts(0.0), ElementsAre(0, 1));
  EXPECT_THAT(counts(1.0), ElementsAre(1, 0));
}

TEST(StageCompiler, LayersDivideEachTheirOwnWay) {
  Compiled model({.n_layers = 4});
  const auto placement = place_by_plan(
      model.shape(3),
      {{0, 0, 0, 4}, {1, 1, 0, 4}, {2, 2, 0, 1}, {2, 1, 2, 4}, {3, 2, 0, 3}, {3, 0, 4, 4}});
  ASSERT_TRUE(placement.ok());
  for (const PredictorProgram& predictor :
       {dense(), exact(), predicted(model.program, SF_TAP_PREVIOUS_FFN_INPUT)}) {
    const ExecutionPlan plan = model.compile(*placement, predictor, 3);
    EXPECT_EQ(plan.forks, 3U) << predictor.name;  // layer 0 stays at home
    EXPECT_EQ(plan.joins, 3U);
  }
}

TEST(StageCompiler, AttentionAndHeadAnywhere) {
  Compiled model({.n_layers = 3});
  Placement placement = *place_neurons(model.shape(3), {});
  placement.embedding = 1;
  placement.head = 2;
  for (std::uint32_t layer = 0; layer < 3; ++layer) placement.layers[layer].attention = layer;
  model.compile(placement, exact(), 3);
  for (const std::uint32_t tap :
       {SF_TAP_LAYER_INPUT, SF_TAP_FFN_RESIDUAL, SF_TAP_FFN_INPUT, SF_TAP_PREVIOUS_FFN_INPUT})
    model.compile(placement, predicted(model.program, tap), 3);
}

TEST(StageCompiler, PredictorsLookAtWhatTheyTap) {
  Compiled model({.n_layers = 3});
  for (const std::uint32_t tap :
       {SF_TAP_LAYER_INPUT, SF_TAP_FFN_RESIDUAL, SF_TAP_FFN_INPUT, SF_TAP_PREVIOUS_FFN_INPUT}) {
    const PredictorProgram predictor = predicted(model.program, tap);
    model.compile(place_single(model.shape(1)), predictor, 1);
    const ExecutionPlan split = model.neurons(predictor, 2);
    EXPECT_EQ(count_ops(split, SF_OP_SELECT), 3U);  // once per layer, at home
    EXPECT_EQ(crossings(split), 9U);                // input, active list, partial sum
    EXPECT_THAT(stage_counts(split), ElementsAre(4, 3)) << tap;
    model.compile(*place_layers(model.shape(2), {}), predictor, 2);
  }
}

TEST(StageCompiler, WithoutAGateTheUpRowsDecide) {
  Compiled model({.architecture = "arcee", .activation = ""});
  const ExecutionPlan plan = model.neurons(exact(), 2);
  EXPECT_EQ(plan.devices[0].neurons[0].gate.data, nullptr);
  EXPECT_EQ(count_ops(plan, SF_OP_NEURON_GATE), 4U);
  model.compile(place_single(model.shape(1)), dense(), 1);
}

TEST(StageCompiler, NeuronMajorDownIsUsedAsItIs) {
  Compiled model({.neuron_major_down = true, .down_dtype = DType::f16});
  for (const PredictorProgram& predictor : {dense(), exact()}) {
    const ExecutionPlan plan = model.compile(place_single(model.shape(1)), predictor, 1);
    EXPECT_EQ(count_ops(plan, SF_OP_NEURON_FFN), 2U);  // dense too: there is no matrix to multiply
    const NeuronUpload& upload = plan.devices[0].neurons[0];
    EXPECT_TRUE(upload.down_is_neuron_major);
    EXPECT_EQ(upload.down_dtype, DType::f16);
    EXPECT_EQ(upload.down.name, "blk.0.ffn_down_t.weight");
    EXPECT_EQ(upload.down.data, model.file.tensor("blk.0.ffn_down_t.weight")->data.data());
    EXPECT_THAT(plan.notes, IsEmpty());
  }
}

TEST(StageCompiler, BlocksAlongTheNeuronsAreRequantizedAndItIsSaid) {
  Compiled model({.d_ff = 64, .down_dtype = DType::q8_0});
  const ExecutionPlan sparse = model.compile(place_single(model.shape(1)), exact(), 1);
  EXPECT_EQ(sparse.devices[0].neurons[0].down_dtype, DType::f16);
  EXPECT_THAT(sparse.notes, ElementsAre(testing::StartsWith("ffn_down: Q8_0 requantized to F16")));
  const ExecutionPlan as_it_is = model.compile(place_single(model.shape(1)), dense(), 1);
  EXPECT_THAT(as_it_is.notes, IsEmpty());
  EXPECT_THAT(as_it_is.devices[0].neurons, IsEmpty());
}

TEST(StageCompiler, FloatsKeepTheirDtype) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    Compiled model({.down_dtype = dtype});
    const ExecutionPlan plan = model.compile(place_single(model.shape(1)), exact(), 1);
    EXPECT_EQ(plan.devices[0].neurons[1].down_dtype, dtype);
    EXPECT_THAT(plan.notes, IsEmpty());
  }
}

TEST(StageCompiler, ATiedMatrixIsLoadedOnce) {
  Compiled model({.tied = true});
  const ExecutionPlan plan = model.compile(place_single(model.shape(1)), exact(), 1);
  std::size_t count = 0;
  for (const WeightUpload& upload : plan.devices[0].weights)
    count += upload.name == "token_embd.weight";
  EXPECT_EQ(count, 1U);
}

TEST(StageCompiler, TheChunkReachesTheOp) {
  Compiled model;
  const auto plan =
      compile_stages(model.program, model.file, place_single(model.shape(1)), exact(), {1, 7});
  ASSERT_TRUE(plan.ok());
  for (const StageOp& op : plan->devices[0].stages[0].ops)
    if (op.id == SF_OP_NEURON_FFN) {
      EXPECT_EQ(std::get<sf_neuron_ffn_params>(op.params).chunk_neurons, 7U);
    }
}

TEST(StageCompiler, ShardsMeetTwicePerLayer) {
  TinyShape tiny = four_kv_heads();
  tiny.n_layers = 3;
  Compiled model(tiny);
  for (const PredictorProgram& predictor : {dense(), exact()}) {
    const ExecutionPlan plan = model.shards(predictor, 2);
    EXPECT_EQ(plan.forks, 1U) << predictor.name;  // the embedding
    EXPECT_EQ(plan.joins, 2U * 3 + 1);            // and the logits
    // Up to the first join, between joins, the rest. The other device waits for the embedding too.
    EXPECT_THAT(stage_counts(plan), ElementsAre(7, 7));
    EXPECT_EQ(crossings(plan), 1U + 2 * 2 * 3);  // each sends its partial sum
    for (std::uint32_t d = 0; d < 2; ++d)
      for (const StageSpec& stage : plan.devices[d].stages) {
        std::size_t waits = 0;
        for (const Channel& channel : plan.channels)
          for (const PortRef& to : channel.to)
            waits += to.device == d && &plan.devices[d].stages[to.stage] == &stage &&
                     channel.from.device != d;
        EXPECT_LE(waits, 1U) << stage.name;
      }
  }
}

TEST(StageCompiler, ShardsOfEveryMatrix) {
  Compiled model(four_kv_heads());
  const ExecutionPlan plan = model.shards(dense(), 2, 0.25);
  EXPECT_THAT(weight_names(plan, 0),
              testing::IsSupersetOf({"token_embd.weight", "blk.0.attn_norm.weight",
                                     "blk.0.attn_q.weight[0:4]", "blk.0.attn_k.weight[0:2]",
                                     "blk.1.attn_v.weight[0:2]", "blk.0.attn_output.weight[:, 0:4]",
                                     "blk.0.ffn_up.weight[0:4]", "blk.0.ffn_down.weight[:, 0:4]",
                                     "output.weight[0:3]"}));
  EXPECT_THAT(
      weight_names(plan, 1),
      testing::IsSupersetOf({"blk.0.attn_norm.weight", "blk.0.attn_q.weight[4:16]",
                             "blk.1.attn_v.weight[2:8]", "blk.0.attn_output.weight[:, 4:16]",
                             "blk.0.ffn_gate.weight[4:20]", "blk.0.ffn_down.weight[:, 4:20]",
                             "output.weight[3:11]"}));
  EXPECT_THAT(weight_names(plan, 1), testing::Not(testing::Contains("token_embd.weight")));
  EXPECT_EQ(plan.devices[0].n_kv_heads, 1U);
  EXPECT_EQ(plan.devices[1].n_kv_heads, 3U);
  EXPECT_THAT(plan.devices[1].kv_layers, ElementsAre(0, 1));
  ASSERT_EQ(plan.logits.size(), 2U);
  EXPECT_EQ(plan.channels[plan.logits[0]].value.width, 3U);
  EXPECT_EQ(plan.channels[plan.logits[1]].value.width, 8U);
  EXPECT_THAT(plan.notes, IsEmpty());
}

TEST(StageCompiler, ShardsOfSomeDevicesInEverySplit) {
  Compiled model(four_kv_heads());
  for (const PredictorProgram& predictor :
       {dense(), exact(), predicted(model.program, SF_TAP_FFN_INPUT)}) {
    for (const double split : {0.25, 0.5, 0.75}) model.shards(predictor, 2, split);
    for (const std::uint32_t n : {1U, 3U, 4U}) model.shards(predictor, n);
  }
  TinyShape tiny = four_kv_heads();
  tiny.neuron_major_down = true;
  Compiled neuron_major(tiny);
  for (const PredictorProgram& predictor : {dense(), exact()}) neuron_major.shards(predictor, 2);
  tiny = four_kv_heads();
  tiny.architecture = "arcee";
  tiny.activation = "";
  Compiled arcee(tiny);
  for (const PredictorProgram& predictor : {dense(), exact()}) arcee.shards(predictor, 2);
}

TEST(StageCompiler, ShardsPredictOnTheFirstDevice) {
  Compiled model(four_kv_heads());
  const ExecutionPlan plan = model.shards(predicted(model.program, SF_TAP_FFN_RESIDUAL), 2);
  EXPECT_EQ(plan.forks, 1U + 2);  // active lists
  EXPECT_EQ(count_ops(plan, SF_OP_SELECT), 2U);
  EXPECT_EQ(crossings(plan), 1U + 2 * 2 * 2 + 2);
}

TEST(StageCompiler, ATiedMatrixIsWholeWhereTheEmbeddingIs) {
  TinyShape tiny = four_kv_heads();
  tiny.tied = true;
  Compiled model(tiny);
  const ExecutionPlan plan = model.shards(dense(), 2);
  EXPECT_THAT(weight_names(plan, 0),
              testing::IsSupersetOf({"token_embd.weight", "token_embd.weight[0:6]"}));
  EXPECT_THAT(weight_names(plan, 1), testing::Contains("token_embd.weight[6:11]"));
}

TEST(StageCompiler, TapsLeaveForTheHostAndChangeNothingElse) {
  Compiled model;
  for (const std::uint32_t tap : {SF_TAP_LAYER_INPUT, SF_TAP_FFN_RESIDUAL, SF_TAP_FFN_INPUT})
    for (const std::uint32_t n_devices : {1U, 2U}) {
      const Placement how = *place_neurons(model.shape(n_devices), {});
      const auto plan =
          compile_stages(model.program, model.file, how, exact(), {n_devices, 0, tap});
      ASSERT_TRUE(plan.ok()) << plan.status().to_string();
      ASSERT_EQ(plan->taps.size(), model.program.hparams.n_layers);
      for (const std::uint32_t channel : plan->taps) {
        EXPECT_EQ(plan->channels[channel].value.kind, std::uint32_t{SF_VALUE_ROWS});
        EXPECT_EQ(plan->channels[channel].value.width, model.program.hparams.d_model);
      }
      EXPECT_NE(plan->taps[0], plan->taps[1]);
      const test::PlanRun run = test::run_plan(*plan);
      EXPECT_EQ(run.error, "");
      EXPECT_EQ(run.logits, test::expected_logits(model.program, how, exact()));
    }
  EXPECT_TRUE(model.compile(place_single(model.shape(1)), exact(), 1).taps.empty());
}

TEST(StageCompiler, PredictionsThatCannotBe) {
  const Compiled silu({.activation = "silu"});
  const auto plan =
      compile_stages(silu.program, silu.file, place_single(silu.shape(1)), exact(), {1, 0});
  EXPECT_EQ(plan.status().message(),
            "predictor exact: the model's activation is silu, whose gates are never exactly zero; "
            "want a ReLU family, or predictor none");
  PredictorProgram short_one = predicted(silu.program, SF_TAP_FFN_INPUT);
  short_one.layers.pop_back();
  EXPECT_EQ(compile_stages(silu.program, silu.file, place_single(silu.shape(1)), short_one, {1, 0})
                .status()
                .message(),
            "predictor test: 1 layers, the model has 2");
}

}  // namespace
}  // namespace synfire
