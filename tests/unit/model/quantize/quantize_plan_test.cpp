#include "core/model/quantize/quantize_plan.hpp"

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/tiny_model.hpp"

namespace synfire::quantize {
namespace {

using test::TinyModel;
using test::TinyShape;
using testing::ElementsAre;
using testing::IsEmpty;

TinyShape shape() { return {.n_layers = 1, .d_model = 256, .d_ff = 256}; }

// What the tensors become, by name.
std::map<std::string, DType> planned(const GgufFile& file, const Options& options,
                                     std::vector<std::string>* notes = nullptr) {
  const auto plan = plan_quantization(file, options);
  EXPECT_TRUE(plan.ok()) << plan.status().to_string();
  std::map<std::string, DType> dtypes;
  if (!plan.ok()) return dtypes;
  for (const PlannedTensor& tensor : plan->tensors) dtypes[tensor.name] = tensor.dtype;
  if (notes != nullptr) *notes = plan->notes;
  return dtypes;
}
std::string refusal(const GgufFile& file, const Options& options) {
  const auto plan = plan_quantization(file, options);
  EXPECT_FALSE(plan.ok());
  return plan.status().message();
}

TEST(QuantizePlan, MatricesGetTheDtypeVectorsAreF32) {
  TinyModel model(shape());
  model.tensor("output_norm.weight").dtype = DType::f16;
  const auto file = model.parse();
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k, DType::bf16}) {
    auto dtypes = planned(*file, {.dtype = dtype});
    for (const char* name : {"token_embd", "blk.0.attn_q", "blk.0.ffn_gate", "blk.0.ffn_down"})
      EXPECT_EQ(dtypes[std::string(name) + ".weight"], dtype) << name;
    EXPECT_EQ(dtypes["blk.0.attn_norm.weight"], DType::f32);
    EXPECT_EQ(dtypes["output_norm.weight"], DType::f32);
  }
}

TEST(QuantizePlan, TheOutputMatrixIsFinerThanFourBits) {
  TinyShape tied = shape();
  tied.tied = true;
  const auto own = TinyModel(shape()).parse(), embedding = TinyModel(tied).parse();
  const struct {
    DType dtype, output;
  } cases[] = {{DType::q4_0, DType::q6_k},
               {DType::q4_k, DType::q6_k},
               {DType::q8_0, DType::q8_0},
               {DType::q6_k, DType::q6_k},
               {DType::bf16, DType::bf16}};
  for (const auto& [dtype, output] : cases) {
    EXPECT_EQ(planned(*own, {.dtype = dtype})["output.weight"], output);
    EXPECT_EQ(planned(*own, {.dtype = dtype})["token_embd.weight"], dtype);
    EXPECT_EQ(planned(*own, {.dtype = dtype, .pure = true})["output.weight"], dtype);
    EXPECT_EQ(planned(*embedding, {.dtype = dtype})["token_embd.weight"], output);
  }
}

TEST(QuantizePlan, RowsThatAreNoWholeBlocks) {
  std::vector<std::string> notes;
  auto dtypes = planned(*TinyModel({.n_layers = 1, .d_model = 96, .d_ff = 20}).parse(),
                        {.dtype = DType::q4_k}, &notes);
  EXPECT_EQ(dtypes["blk.0.ffn_up.weight"], DType::q8_0);
  EXPECT_EQ(dtypes["blk.0.ffn_down.weight"], DType::f16);
  EXPECT_THAT(
      notes,
      ElementsAre("1 of 12 tensors in F16: their rows of 20 values are no whole blocks of Q4_K",
                  "7 of 12 tensors in Q8_0: their rows of 96 values are no whole blocks of Q4_K",
                  "1 of 12 tensors in Q8_0: their rows of 96 values are no whole blocks of Q6_K"));
  planned(*TinyModel({.n_layers = 1, .d_model = 96, .d_ff = 64}).parse(), {.dtype = DType::q8_0},
          &notes);
  EXPECT_THAT(notes, IsEmpty());
}

TEST(QuantizePlan, BF16StaysWhereNothingSmallerFits) {
  TinyModel model({.n_layers = 1, .d_model = 96, .d_ff = 20, .down_dtype = DType::bf16});
  EXPECT_EQ(planned(*model.parse(), {.dtype = DType::q8_0})["blk.0.ffn_down.weight"], DType::bf16);
}

TEST(QuantizePlan, PredictorsAreQ8_0OrAsTheyAre) {
  TinyShape wanted = shape();
  wanted.predictor_rank = 64;
  wanted.neuron_major_down = true;
  TinyModel model(wanted);
  const auto file = model.parse();
  auto dtypes = planned(*file, {.dtype = DType::q4_0});
  EXPECT_EQ(dtypes["blk.0.fc1.weight"], DType::q8_0);
  EXPECT_EQ(dtypes["blk.0.fc2.weight"], DType::q8_0);
  EXPECT_EQ(planned(*file, {.dtype = DType::q4_0, .pure = true})["blk.0.fc2.weight"], DType::q4_0);
  model.tensor("blk.0.fc1.weight").dtype = DType::q4_1;
  EXPECT_EQ(planned(*model.parse(), {.dtype = DType::q4_0})["blk.0.fc1.weight"], DType::q4_1);
}

TEST(QuantizePlan, WhatIsNoProductsMatrixStays) {
  TinyModel model(shape());
  for (const char* name :
       {"position_embd.weight", "token_types.weight", "blk.0.ffn_gate_inp.weight", "blk.0.table"})
    model.tensors.push_back({name, DType::f16, {256, 4}});
  model.tensors.push_back({"blk.0.index.weight", DType::i32, {256, 4}});
  auto dtypes = planned(*model.parse(), {.dtype = DType::q4_0});
  for (const char* name :
       {"position_embd.weight", "token_types.weight", "blk.0.ffn_gate_inp.weight", "blk.0.table"})
    EXPECT_EQ(dtypes[name], DType::f16) << name;
  EXPECT_EQ(dtypes["blk.0.index.weight"], DType::i32);
}

TEST(QuantizePlan, LayoutTurnsDownAndBlocksRunAlongTheNewRows) {
  const auto neuron = planned(*TinyModel({.n_layers = 1, .d_model = 256, .d_ff = 20}).parse(),
                              {.dtype = DType::q4_k, .layout = DownLayout::neuron});
  EXPECT_EQ(neuron.at("blk.0.ffn_down_t.weight"), DType::q4_k);
  EXPECT_FALSE(neuron.contains("blk.0.ffn_down.weight"));
  TinyShape turned = shape();
  turned.neuron_major_down = true;
  const auto model = TinyModel(turned).parse();
  EXPECT_TRUE(planned(*model, {}).contains("blk.0.ffn_down_t.weight"));
  EXPECT_TRUE(planned(*model, {.layout = DownLayout::neuron}).contains("blk.0.ffn_down_t.weight"));
  EXPECT_TRUE(planned(*model, {.layout = DownLayout::dense}).contains("blk.0.ffn_down.weight"));
}

TEST(QuantizePlan, Refusals) {
  TinyModel quantized(shape());
  quantized.tensor("blk.0.attn_k.weight").dtype = DType::q8_0;
  EXPECT_EQ(refusal(*quantized.parse(), {.dtype = DType::q4_0}),
            "tiny.gguf: tensor blk.0.attn_k.weight: Q8_0 already, want F32, F16 or BF16 weights");
  EXPECT_EQ(refusal(*TinyModel(shape()).parse(), {.dtype = DType::q4_1}),
            "tiny.gguf: dtype Q4_1, want Q8_0, Q4_0, Q4_K, Q6_K or BF16");
  TinyShape powerinfer = shape();
  powerinfer.predictor_rank = 64;
  const auto theirs = TinyModel(powerinfer).parse();
  EXPECT_EQ(refusal(*theirs, {.dtype = DType::bf16}),
            "tiny.gguf: dtype BF16, which PowerInfer's files cannot hold");
  EXPECT_EQ(refusal(*theirs, {.layout = DownLayout::dense}),
            "tiny.gguf: layout dense, want neuron: PowerInfer's files have it");
  TinyModel vocabulary(shape());
  vocabulary.tensors.clear();
  EXPECT_EQ(refusal(*vocabulary.parse(), {}), "tiny.gguf: no tensors, want those of a model");
}

}  // namespace
}  // namespace synfire::quantize
