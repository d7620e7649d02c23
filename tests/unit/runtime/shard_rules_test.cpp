#include "core/runtime/shard_rules.hpp"

#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using test::TinyModel;
using test::TinyShape;

ShardRuns runs_of(const TinyShape& shape, DType attention_output, std::uint32_t group_size) {
  TinyModel model(shape);
  model.tensor("blk.1.attn_output.weight").dtype = attention_output;
  const GgufFile file = *model.parse();
  return shard_runs(*build_program(file), file, group_size);
}

// 8 query heads of 8 columns, two for each KV head.
TinyShape shape() { return {.d_model = 64, .d_ff = 64, .n_heads = 8, .n_kv_heads = 4}; }

TEST(ShardRules, FloatsMayBeCutAnywhere) {
  EXPECT_EQ(runs_of(shape(), DType::f32, 4).kv_heads, 1U);
  EXPECT_EQ(runs_of(shape(), DType::f16, 4).groups, 1U);
}

TEST(ShardRules, BlocksStayWhole) {
  EXPECT_EQ(runs_of(shape(), DType::q8_0, 4).kv_heads, 2U);  // 16 columns each, blocks of 32
  TinyShape one_each = shape();
  one_each.n_kv_heads = 8;
  EXPECT_EQ(runs_of(one_each, DType::q4_0, 4).kv_heads, 4U);
  TinyShape down = shape();
  down.down_dtype = DType::q8_0;
  EXPECT_EQ(runs_of(down, DType::f32, 8).groups, 4U);
  EXPECT_EQ(runs_of(down, DType::f32, 12).groups, 8U);
  EXPECT_EQ(runs_of(down, DType::f32, 64).groups, 1U);
  down.neuron_major_down = true;  // no columns to cut
  EXPECT_EQ(runs_of(down, DType::f32, 8).groups, 1U);
}

TEST(ShardRules, HeadValuesAreThoseOfAttention) {
  const GgufFile file = *TinyModel(shape()).parse();
  const Program program = *build_program(file);
  const auto values = head_values(program.layers[0].before_ffn);
  EXPECT_EQ(values.size(), 6U);  // q, k, v, both rotated, what comes out
  for (const ProgramOp& op : program.layers[0].before_ffn) {
    if (op.id == SF_OP_RMS_NORM || op.id == SF_OP_ADD) {
      EXPECT_FALSE(values.contains(op.outputs[0]));
    }
    if (op.id == SF_OP_ATTENTION) {
      EXPECT_TRUE(values.contains(op.outputs[0]));
    }
  }
}

}  // namespace
}  // namespace synfire
