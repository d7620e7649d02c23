#include <cmath>

#include "tests/ops/op_test.hpp"

namespace synfire::ops_test {
namespace {

struct Heads {
  std::uint32_t n_heads, n_kv_heads, head_dim, block_tokens;
};

// q, k and v come in; k and v are stored, then q attends.
StageSpec attention_stage(const Heads& heads, DType kv_dtype, std::uint32_t layer,
                          std::uint32_t n_blocks) {
  StageSpec spec;
  spec.kv.push_back({sizeof(sf_kv_desc), 3, n_blocks, heads.block_tokens, heads.n_kv_heads,
                     heads.head_dim, static_cast<std::uint32_t>(kv_dtype), 0});
  const std::uint32_t q_width = heads.n_heads * heads.head_dim;
  const std::uint32_t kv_width = heads.n_kv_heads * heads.head_dim;
  const std::uint32_t q = spec.rows(q_width);
  const std::uint32_t k = spec.rows(kv_width);
  const std::uint32_t v = spec.rows(kv_width);
  spec.ops.push_back(
      {SF_OP_KV_WRITE, {k, v}, {}, {}, SF_NONE, 0, StageSpec::bytes_of(sf_kv_params{layer})});
  const float scale = 1 / std::sqrt(static_cast<float>(heads.head_dim));
  spec.output(
      spec.op(SF_OP_ATTENTION, {q}, {SF_VALUE_ROWS, q_width},
              sf_attention_params{layer, heads.n_heads, heads.n_kv_heads, heads.head_dim, scale},
              {}, {SF_NONE, 0}));
  return spec;
}

class AttentionTest : public testing::TestWithParam<std::tuple<std::string, DType>> {
 protected:
  std::vector<Bytes> inputs(const Heads& heads, std::uint32_t n) {
    const std::uint32_t q = heads.n_heads * heads.head_dim, kv = heads.n_kv_heads * heads.head_dim;
    return {bytes_of(random_floats(std::size_t{n} * q, random_, -2, 2)),
            bytes_of(random_floats(std::size_t{n} * kv, random_, -2, 2)),
            bytes_of(random_floats(std::size_t{n} * kv, random_))};
  }
  // Runs the batches one after the other on one stage each of device and oracle.
  void compare(const Heads& heads, const std::vector<BatchSpec>& batches, std::uint32_t n_blocks,
               std::uint32_t layer = 1) {
    const StageSpec spec = attention_stage(heads, std::get<1>(GetParam()), layer, n_blocks);
    auto got = TestStage::make(pair_.device, spec);
    auto want = TestStage::make(pair_.oracle, spec);
    ASSERT_TRUE(got.ok()) << got.status().to_string();
    ASSERT_TRUE(want.ok()) << want.status().to_string();
    for (const BatchSpec& batch : batches) {
      const std::vector<Bytes> in = inputs(heads, batch.size());
      auto here = (*got)->run(batch, in);
      auto there = (*want)->run(batch, in);
      ASSERT_TRUE(here.ok()) << here.status().to_string();
      ASSERT_TRUE(there.ok()) << there.status().to_string();
      expect_close(floats_of((*here)[0]), floats_of((*there)[0]), tolerance(SF_OP_ATTENTION));
    }
  }
  // A prompt of `prompt` tokens, then `steps` single tokens.
  std::vector<BatchSpec> conversation(std::uint32_t prompt, std::uint32_t steps,
                                      const BatchSpec& tables) {
    std::vector<BatchSpec> batches(1 + steps, tables);
    for (std::uint32_t p = 0; p < prompt; ++p) batches[0].append(0, p);
    for (std::uint32_t i = 0; i < steps; ++i) batches[1 + i].append(0, prompt + i);
    return batches;
  }

  Random random_{11};
  Pair pair_{std::get<0>(GetParam())};
};

TEST_P(AttentionTest, HeadsOfAllRatios) {
  for (const Heads& heads :
       {Heads{4, 4, 64, 16}, Heads{4, 2, 64, 16}, Heads{8, 1, 32, 16}, Heads{9, 3, 64, 32},
        Heads{6, 2, 5, 3}, Heads{1, 1, 1, 1}, Heads{2, 1, 80, 7}, Heads{2, 2, 128, 64}}) {
    SCOPED_TRACE(testing::Message() << heads.n_heads << '/' << heads.n_kv_heads << " x "
                                    << heads.head_dim << ", blocks of " << heads.block_tokens);
    BatchSpec tables;
    tables.scramble_blocks(1, 80 / heads.block_tokens + 1, random_);
    for (const std::uint32_t prompt : {1u, 2u, 7u, 65u})
      compare(heads, conversation(prompt, 3, tables), tables.max_blocks);
  }
}

TEST_P(AttentionTest, ManySequencesInScrambledBlocks) {
  const Heads heads{4, 2, 32, 4};
  BatchSpec tables;
  tables.scramble_blocks(5, 4, random_);
  std::vector<BatchSpec> batches(3, tables);
  for (std::uint32_t s = 0; s < 5; ++s)  // prompts of 1, 3, 5, 7, 9 tokens
    for (std::uint32_t p = 0; p < 2 * s + 1; ++p) batches[0].append(s, p);
  for (const std::uint32_t s : {4u, 0u, 2u}) batches[1].append(s, 2 * s + 1);
  // A slice of one prompt between decode tokens of others.
  batches[2].append(1, 3);
  for (std::uint32_t p = 6; p < 12; ++p) batches[2].append(2, p);
  batches[2].append(3, 7);
  compare(heads, batches, 20);
}

TEST_P(AttentionTest, LayersDoNotMeet) {
  const Heads heads{2, 1, 16, 4};
  BatchSpec tables;
  tables.scramble_blocks(1, 3, random_);
  for (const std::uint32_t layer : {0u, 1u, 2u})
    compare(heads, conversation(5, 2, tables), 3, layer);
}

// Scores so far apart that exp() of a difference underflows, and so large that exp() of one
// overflows.
TEST_P(AttentionTest, LargeScores) {
  const Heads heads{1, 1, 32, 8};
  const StageSpec spec = attention_stage(heads, std::get<1>(GetParam()), 0, 2);
  BatchSpec batch = BatchSpec::of(9);
  batch.scramble_blocks(1, 2, random_);
  const std::vector<Bytes> in{bytes_of(random_floats(9 * 32, random_, -100, 100)),
                              bytes_of(random_floats(9 * 32, random_, -100, 100)),
                              bytes_of(random_floats(9 * 32, random_))};
  // The scores are of the order of 1e4, their float error of 1e-3: so is the output's.
  pair_.compare(spec, batch, in, 5e-3f);
}

INSTANTIATE_TEST_SUITE_P(Backends, AttentionTest,
                         testing::Combine(testing::ValuesIn(dense_backends()),
                                          testing::Values(DType::f32, DType::f16)),
                         backend_and_dtype_name);

}  // namespace
}  // namespace synfire::ops_test
