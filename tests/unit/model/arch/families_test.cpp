#include "core/model/arch/families.hpp"

#include <algorithm>
#include <string>
#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using test::TinyModel;
using test::TinyShape;
using testing::ElementsAre;

// A file and its program, whose names are views of nothing but themselves.
Program build(const TinyModel& model, const std::string& activation = "") {
  const auto file = model.parse();
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  auto program = build_program(*file, activation);
  EXPECT_TRUE(program.ok()) << program.status().to_string();
  return program.ok() ? *std::move(program) : Program{};
}

Status refusal(const TinyModel& model) {
  const auto file = model.parse();
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  return build_program(*file).status();
}

std::vector<std::uint32_t> ids(const std::vector<ProgramOp>& ops) {
  std::vector<std::uint32_t> all;
  for (const ProgramOp& op : ops) all.push_back(op.id);
  return all;
}

std::string weight_of(const Program& program, const ProgramOp& op, std::size_t i = 0) {
  return op.weights[i] == kNone ? "" : program.weights[op.weights[i]].name;
}

// Every value is written once, by an op or an FFN, before it is read.
void expect_written_before_read(const Program& program) {
  std::vector<bool> written(program.values.size(), false);
  const auto read = [&](ValueId v) {
    ASSERT_TRUE(v == kNone || (v < written.size() && written[v])) << "value " << v;
  };
  const auto write = [&](ValueId v) {
    ASSERT_LT(v, written.size());
    EXPECT_FALSE(written[v]) << "value " << v;
    written[v] = true;
  };
  const auto run = [&](const std::vector<ProgramOp>& ops) {
    for (const ProgramOp& op : ops) {
      for (const ValueId v : op.inputs) read(v);
      for (const ValueId v : op.outputs) write(v);
    }
  };
  run(program.prologue);
  for (const ProgramLayer& layer : program.layers) {
    read(layer.layer_input);
    run(layer.before_ffn);
    read(layer.ffn.input);
    read(layer.ffn_residual);
    write(layer.ffn.output);
    run(layer.after_ffn);
  }
  run(program.epilogue);
  read(program.logits);
}

TEST(Families, LlamaReadsStraightDown) {
  const Program program = build(TinyModel());
  expect_written_before_read(program);
  EXPECT_THAT(ids(program.prologue), ElementsAre(SF_OP_EMBED));
  ASSERT_EQ(program.layers.size(), 2U);
  for (const ProgramLayer& layer : program.layers) {
    EXPECT_THAT(ids(layer.before_ffn),
                ElementsAre(SF_OP_RMS_NORM, SF_OP_LINEAR, SF_OP_LINEAR, SF_OP_LINEAR, SF_OP_ROPE,
                            SF_OP_ROPE, SF_OP_KV_WRITE, SF_OP_ATTENTION, SF_OP_LINEAR, SF_OP_ADD,
                            SF_OP_RMS_NORM));
    EXPECT_THAT(ids(layer.after_ffn), ElementsAre(SF_OP_ADD));
  }
  EXPECT_THAT(ids(program.epilogue),
              ElementsAre(SF_OP_GATHER_WANTED, SF_OP_RMS_NORM, SF_OP_LINEAR));
  EXPECT_EQ(program.values[program.logits].width, 11U);
  EXPECT_TRUE(program.values[program.logits].wanted_rows);
  EXPECT_EQ(program.layers[1].layer_input, program.layers[0].after_ffn.back().outputs[0]);
}

TEST(Families, QueriesShareKeysInGroups) {
  const Program program = build(TinyModel());
  const auto& ops = program.layers[1].before_ffn;
  EXPECT_EQ(program.values[ops[1].outputs[0]].width, 8U);  // q: 2 heads of 4
  EXPECT_EQ(program.values[ops[2].outputs[0]].width, 4U);  // k: 1 head
  EXPECT_EQ(program.values[ops[3].outputs[0]].width, 4U);  // v
  // Ropes are those of q and k; the order of the two is the builder's.
  std::vector<std::uint32_t> heads;
  for (const std::size_t i : {4, 5}) {
    const auto& rope = std::get<sf_rope_params>(ops[i].params);
    heads.push_back(rope.n_heads);
    EXPECT_EQ(rope.n_heads * rope.head_dim, program.values[ops[i].inputs[0]].width);
    EXPECT_EQ(rope.style, std::uint32_t{SF_ROPE_ADJACENT});
  }
  EXPECT_THAT(heads, testing::UnorderedElementsAre(2, 1));
  EXPECT_EQ(std::get<sf_kv_params>(ops[6].params).layer, 1U);
  const auto& attention = std::get<sf_attention_params>(ops[7].params);
  EXPECT_EQ(attention.layer, 1U);
  EXPECT_EQ(attention.n_heads, 2U);
  EXPECT_EQ(attention.n_kv_heads, 1U);
  EXPECT_EQ(attention.head_dim, 4U);
  EXPECT_EQ(attention.scale, 0.5F);
}

TEST(Families, OutputOfItsOwnOrTheEmbeddings) {
  const Program own = build(TinyModel());
  EXPECT_EQ(weight_of(own, own.epilogue.back()), "output.weight");
  const Program tied = build(TinyModel({.tied = true}));
  EXPECT_EQ(weight_of(tied, tied.epilogue.back()), "token_embd.weight");
}

TEST(Families, ArceeHasNoGate) {
  TinyShape shape;
  shape.architecture = "arcee";
  shape.activation = "";
  const Program program = build(TinyModel(shape));
  expect_written_before_read(program);
  EXPECT_EQ(program.hparams.activation, std::uint32_t{SF_ACTIVATION_RELU2});
  EXPECT_EQ(program.layers[0].ffn.gate, kNone);
  EXPECT_EQ(program.weights[program.layers[1].ffn.up].name, "blk.1.ffn_up.weight");
  EXPECT_EQ(program.weights[program.layers[1].ffn.down].name, "blk.1.ffn_down.weight");
  EXPECT_FALSE(program.layers[0].ffn.down_is_neuron_major);
}

TEST(Families, BambooIsLlamaWithDrelu) {
  TinyShape shape;
  shape.architecture = "bamboo";
  shape.activation = "";
  EXPECT_EQ(build(TinyModel(shape)).hparams.activation, std::uint32_t{SF_ACTIVATION_DRELU});
  shape.predictor_rank = 4;  // in PowerInfer's files too
  EXPECT_EQ(build(TinyModel(shape)).hparams.activation, std::uint32_t{SF_ACTIVATION_DRELU});
}

TEST(Families, Qwen2RotatesHalves) {
  TinyShape shape;
  shape.architecture = "qwen2";
  const Program program = build(TinyModel(shape));
  const auto& ops = program.layers[0].before_ffn;
  EXPECT_EQ(std::get<sf_rope_params>(ops[4].params).style, std::uint32_t{SF_ROPE_HALVES});
}

// What an OPT file has beside Llama's tensors; norms are LayerNorm's.
TinyModel tiny_opt(std::uint64_t positions) {
  TinyShape shape;
  shape.architecture = "opt";
  shape.activation = "";
  TinyModel model(shape);
  for (const char* layer : {"0", "1"}) {
    const std::string prefix = std::string("blk.") + layer + ".";
    model.drop(prefix + "ffn_gate.weight");
    model.tensors.push_back({prefix + "attn_norm.bias", DType::f32, {8}});
    model.tensors.push_back({prefix + "ffn_up.bias", DType::f32, {20}});
    model.tensors.push_back({prefix + "ffn_down.bias", DType::f32, {8}});
  }
  model.tensors.push_back({"position_embd.weight", DType::f32, {8, positions}});
  return model;
}

TEST(Families, OptHasPositionsAndBiases) {
  const Program program = build(tiny_opt(64));
  expect_written_before_read(program);
  EXPECT_THAT(ids(program.prologue), ElementsAre(SF_OP_EMBED, SF_OP_ADD_POSITIONS));
  EXPECT_TRUE(program.hparams.learned_positions);
  EXPECT_EQ(program.hparams.activation, std::uint32_t{SF_ACTIVATION_RELU});
  const ProgramLayer& layer = program.layers[0];
  EXPECT_THAT(ids(layer.before_ffn), ElementsAre(SF_OP_LAYER_NORM, SF_OP_LINEAR, SF_OP_LINEAR,
                                                 SF_OP_LINEAR, SF_OP_KV_WRITE, SF_OP_ATTENTION,
                                                 SF_OP_LINEAR, SF_OP_ADD, SF_OP_LAYER_NORM));
  EXPECT_EQ(weight_of(program, layer.before_ffn[0], 1), "blk.0.attn_norm.bias");
  EXPECT_EQ(weight_of(program, layer.before_ffn.back(), 1), "");
  EXPECT_EQ(program.weights[layer.ffn.bias].name, "blk.0.ffn_up.bias");
  EXPECT_THAT(ids(layer.after_ffn), ElementsAre(SF_OP_ADD_ROW, SF_OP_ADD));
  EXPECT_EQ(refusal(tiny_opt(66)).message(),
            "tiny.gguf: tensor position_embd.weight: shape [8, 66], want [8, 64]");
}

TEST(Families, PowerInfersOptKeepsItsUnusedPositions) {
  TinyModel model = tiny_opt(64);
  TinyShape shape;
  shape.architecture = "opt";
  shape.activation = "";
  shape.predictor_rank = 4;
  model.header = TinyModel(shape).header;
  const Program program = build(model);
  EXPECT_EQ(program.hparams.context, 62U);
  EXPECT_EQ(std::get<sf_positions_params>(program.prologue[1].params).first_row, 2U);
}

TEST(Families, FalconsAttentionAndFfnReadTheSame) {
  TinyShape shape;
  shape.architecture = "falcon";
  shape.activation = "";
  TinyModel model(shape);
  for (const char* layer : {"0", "1"}) {
    const std::string prefix = std::string("blk.") + layer + ".";
    for (const char* part : {"attn_q", "attn_k", "attn_v", "ffn_norm", "ffn_gate"})
      model.drop(prefix + part + ".weight");
    model.tensors.push_back({prefix + "attn_qkv.weight", DType::f32, {8, 16}});
  }
  model.tensors.push_back({"blk.1.attn_norm_2.weight", DType::f32, {8}});
  const Program program = build(model);
  expect_written_before_read(program);
  EXPECT_EQ(program.hparams.activation, std::uint32_t{SF_ACTIVATION_GELU});
  const auto& ops = program.layers[0].before_ffn;
  EXPECT_THAT(ids(ops),
              ElementsAre(SF_OP_LAYER_NORM, SF_OP_LINEAR, SF_OP_LINEAR, SF_OP_LINEAR, SF_OP_ROPE,
                          SF_OP_ROPE, SF_OP_KV_WRITE, SF_OP_ATTENTION, SF_OP_LINEAR, SF_OP_ADD));
  EXPECT_EQ(program.layers[0].ffn.input, ops[1].inputs[0]);
  const ProgramWeight& k = program.weights[ops[2].weights[0]];
  EXPECT_EQ(k.name, "blk.0.attn_qkv.weight");
  EXPECT_EQ(k.first, 8U);
  EXPECT_EQ(k.rows, 4U);
  // With a second norm, attention's, the first is the FFN's alone.
  const auto& second = program.layers[1];
  EXPECT_EQ(weight_of(program, second.before_ffn[1]), "blk.1.attn_norm_2.weight");
  EXPECT_EQ(second.ffn.input, second.before_ffn[0].outputs[0]);
  EXPECT_EQ(second.before_ffn[2].inputs[0], second.before_ffn[1].outputs[0]);
}

TEST(Families, BiasesBesideGatesAreUnimplemented) {
  TinyModel model;
  model.tensors.push_back({"blk.1.ffn_up.bias", DType::f32, {20}});
  EXPECT_EQ(refusal(model).code(), StatusCode::unimplemented);
  EXPECT_EQ(refusal(model).message(), "tiny.gguf: tensor blk.1.ffn_up.bias: a bias beside gates");
}

TEST(Families, NeuronMajorDownIsTakenWhereItIs) {
  const Program program = build(TinyModel({.neuron_major_down = true}));
  const ProgramFfn& ffn = program.layers[0].ffn;
  EXPECT_TRUE(ffn.down_is_neuron_major);
  EXPECT_EQ(program.weights[ffn.down].name, "blk.0.ffn_down_t.weight");
  EXPECT_EQ(program.weights[ffn.down].rows, 20U);
  EXPECT_EQ(program.weights[ffn.down].cols, 8U);
}

TEST(Families, TheUsersActivationWins) {
  EXPECT_EQ(build(TinyModel(), "gelu").hparams.activation, std::uint32_t{SF_ACTIVATION_GELU});
}

TEST(Families, OptionalTensorsAreUsedWhereTheyAre) {
  TinyModel model;
  model.tensors.push_back({"blk.0.attn_q.bias", DType::f32, {8}});
  model.tensors.push_back({"rope_freqs.weight", DType::f32, {2}});
  const Program program = build(model);
  EXPECT_EQ(weight_of(program, program.layers[0].before_ffn[1], 1), "blk.0.attn_q.bias");
  EXPECT_EQ(weight_of(program, program.layers[1].before_ffn[1], 1), "");
  EXPECT_EQ(weight_of(program, program.layers[1].before_ffn[4]), "rope_freqs.weight");
}

TEST(Families, AnUnknownArchitectureIsUnimplemented) {
  TinyModel model;
  model.header.set("general.architecture", "mamba");
  EXPECT_EQ(refusal(model).code(), StatusCode::unimplemented);
  EXPECT_EQ(refusal(model).message(),
            "tiny.gguf: architecture 'mamba', want one of: llama, bamboo, arcee, qwen2, nemotron, "
            "opt, falcon");
  model.header.erase("general.architecture");
  EXPECT_EQ(refusal(model).message(), "tiny.gguf: key general.architecture: missing");
}

TEST(Families, TensorsThatAreMissing) {
  for (const char* name : {"token_embd.weight", "blk.1.attn_v.weight", "blk.0.ffn_gate.weight",
                           "blk.1.ffn_down.weight", "output_norm.weight"}) {
    TinyModel model;
    model.drop(name);
    EXPECT_EQ(refusal(model).message(), "tiny.gguf: tensor " + std::string(name) + ": missing");
  }
}

TEST(Families, TensorsOfAnotherShape) {
  TinyModel model;
  model.tensor("blk.1.ffn_up.weight").shape = {8, 19};
  EXPECT_EQ(refusal(model).message(),
            "tiny.gguf: tensor blk.1.ffn_up.weight: shape [8, 19], want [8, 20]");
  model = TinyModel();
  model.tensor("blk.0.attn_norm.weight").shape = {7};
  EXPECT_EQ(refusal(model).message(),
            "tiny.gguf: tensor blk.0.attn_norm.weight: shape [7], want [8]");
  model = TinyModel();
  model.tensor("token_embd.weight").shape = {9, 11};
  EXPECT_EQ(refusal(model).message(),
            "tiny.gguf: tensor token_embd.weight: shape [9, 11], want [8, 11]");
}

}  // namespace
}  // namespace synfire
