#include "core/model/arch/program_builder.hpp"

#include <gtest/gtest.h>

#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using test::TinyModel;

GgufFile file() { return *TinyModel().parse(); }

Hparams hparams() {
  Hparams h;
  h.d_model = 8;
  h.d_ff = 20;
  h.n_vocab = 11;
  h.n_layers = 2;
  return h;
}

TEST(ProgramBuilder, OpsGoToTheListThatIsOpen) {
  const GgufFile source = file();
  ProgramBuilder b(source, hparams());
  const ValueId x = b.embed("token_embd.weight");
  b.begin_layer(x);
  const ValueId normed = b.rms_norm(x, "blk.0.ffn_norm.weight");
  const ValueId y = b.add(x, b.ffn(normed, x, "blk.0.", true));
  b.begin_epilogue();
  const auto program = b.finish(b.linear(b.gather_wanted(y), "output", 11));
  ASSERT_TRUE(program.ok()) << program.status().to_string();
  EXPECT_EQ(program->prologue.size(), 1U);
  ASSERT_EQ(program->layers.size(), 1U);
  EXPECT_EQ(program->layers[0].before_ffn.size(), 1U);
  EXPECT_EQ(program->layers[0].after_ffn.size(), 1U);
  EXPECT_EQ(program->layers[0].layer_input, x);
  EXPECT_EQ(program->layers[0].ffn_residual, x);
  EXPECT_EQ(program->layers[0].ffn.input, normed);
  EXPECT_EQ(program->epilogue.size(), 2U);
}

TEST(ProgramBuilder, TheFirstErrorIsKept) {
  const GgufFile source = file();
  ProgramBuilder b(source, hparams());
  const ValueId x = b.embed("token_embd.weight");
  const ValueId y = b.rms_norm(x, "no.such.weight");
  const auto program = b.finish(b.linear(y, "nor.this", 3));
  EXPECT_EQ(program.status().message(), "tiny.gguf: tensor no.such.weight: missing");
}

TEST(ProgramBuilder, NumbersThatAreNoWeights) {
  TinyModel model;
  model.tensors.push_back({"counts.weight", DType::i32, {8}});
  const auto bytes = model.parse();
  ASSERT_TRUE(bytes.ok()) << bytes.status().to_string();
  ProgramBuilder b(*bytes, hparams());
  const auto program = b.finish(b.rms_norm(b.embed("token_embd.weight"), "counts.weight"));
  EXPECT_EQ(program.status().message(),
            "tiny.gguf: tensor counts.weight: dtype I32, want that of a weight");
}

TEST(ProgramBuilder, KeepsWhichRowsThereAre) {
  const GgufFile source = file();
  ProgramBuilder b(source, hparams());
  const ValueId wanted = b.gather_wanted(b.embed("token_embd.weight"));
  const ValueId normed = b.rms_norm(wanted, "output_norm.weight");
  const ValueId sum = b.add(normed, normed);
  const auto program = b.finish(b.linear(sum, "output", 11));
  ASSERT_TRUE(program.ok());
  EXPECT_FALSE(program->values[0].wanted_rows);
  for (const ValueId v : {wanted, normed, sum, program->logits})
    EXPECT_TRUE(program->values[v].wanted_rows) << v;
}

}  // namespace
}  // namespace synfire
