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
  [[nodiscard]] DType kv_dtype() const { return std::get<1>(GetParam()); }
  std::vector<Bytes> inputs(const Heads& heads, std::uint32_t n) {
    const std::uint32_t q = heads.n_heads * heads.head_dim, kv = heads.n_kv_heads * heads.head_dim;
    return {bytes_of(random_floats(std::size_t{n} * q, random_, -2, 2)),
            bytes_of(random_floats(std::size_t{n} * kv, random_, -2, 2)),
            bytes_of(random_floats(std::size_t{n} * kv, random_))};
  }
  // Runs the batches one after the other on one stage each of device and oracle.
  void compare(const Heads& heads, const std::vector<BatchSpec>& batches, std::uint32_t n_blocks,
               std::uint32_t layer = 1) {
    if (heads.head_dim % dtype_info(kv_dtype()).block_size != 0) return;
    const StageSpec spec = attention_stage(heads, kv_dtype(), layer, n_blocks);
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
      expect_close(floats_of((*here)[0]), floats_of((*there)[0]),
                   tolerance(SF_OP_ATTENTION, kv_dtype()));
    }
  }
  // Tokens [first, end) of sequence 0 in batches as large as a stage takes.
  static void add_batches(std::uint32_t first, std::uint32_t end, const BatchSpec& tables,
                          std::vector<BatchSpec>& batches) {
    constexpr std::uint32_t kMost = 128;
    for (; first < end; first += kMost) {
      batches.push_back(tables);
      for (std::uint32_t p = first; p < std::min(first + kMost, end); ++p)
        batches.back().append(0, p);
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
        Heads{6, 2, 5, 3}, Heads{1, 1, 1, 1}, Heads{2, 1, 80, 7}, Heads{2, 2, 128, 64},
        Heads{71, 1, 64, 20}, Heads{3, 1, 96, 33}}) {
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
  const Heads heads{2, 1, 32, 4};
  BatchSpec tables;
  tables.scramble_blocks(1, 3, random_);
  for (const std::uint32_t layer : {0u, 1u, 2u})
    compare(heads, conversation(5, 2, tables), 3, layer);
}

// Contexts that a backend may compute in parts, by one thread or by several.
TEST_P(AttentionTest, LongContexts) {
  for (const Heads& heads : {Heads{2, 1, 32, 32}, Heads{2, 2, 32, 20}}) {
    SCOPED_TRACE(testing::Message() << "blocks of " << heads.block_tokens);
    BatchSpec tables;
    tables.scramble_blocks(1, 1200 / heads.block_tokens + 1, random_);
    std::vector<BatchSpec> batches;
    for (const auto& [first, end] : {std::pair{0u, 100u}, {100u, 101u}, {101u, 128u}})
      add_batches(first, end, tables, batches);
    add_batches(128, 1150, tables, batches);
    add_batches(1150, 1151, tables, batches);
    add_batches(1151, 1160, tables, batches);
    compare(heads, batches, tables.max_blocks);
  }
}

// Blocks of 32 elements do not fit into heads of 48.
TEST_P(AttentionTest, HeadsThatAreNoWholeBlocks) {
  auto stage = TestStage::make(pair_.device, attention_stage({2, 1, 48, 16}, kv_dtype(), 0, 2));
  if (dtype_info(kv_dtype()).block_size == 1) {
    EXPECT_TRUE(stage.ok()) << stage.status().to_string();
    return;
  }
  ASSERT_FALSE(stage.ok());
  EXPECT_EQ(stage.status().code(), StatusCode::invalid_argument);
  EXPECT_NE(stage.status().message().find("head_dim 48, want a multiple of 32"), std::string::npos)
      << stage.status().to_string();
}

// Scores so far apart that exp() of a difference underflows, and so large that exp() of one
// overflows. Whole numbers with 127 among them lose nothing in 8 bits.
TEST_P(AttentionTest, LargeScores) {
  const Heads heads{1, 1, 32, 8};
  const StageSpec spec = attention_stage(heads, kv_dtype(), 0, 2);
  BatchSpec batch = BatchSpec::of(9);
  batch.scramble_blocks(1, 2, random_);
  const auto whole_numbers = [&] {
    std::vector<float> values = random_floats(9 * 32, random_, -100, 100);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = i % 32 == 0 ? 127 : std::round(values[i]);
    return bytes_of(values);
  };
  const std::vector<Bytes> in{whole_numbers(), whole_numbers(),
                              bytes_of(random_floats(9 * 32, random_))};
  // The scores are of the order of 1e4, their float error of 1e-3: so is the output's.
  pair_.compare(spec, batch, in, 5e-3f);
}

INSTANTIATE_TEST_SUITE_P(Backends, AttentionTest,
                         testing::Combine(testing::ValuesIn(dense_backends()),
                                          testing::Values(DType::f32, DType::f16, DType::q8_0)),
                         backend_and_dtype_name);

}  // namespace
}  // namespace synfire::ops_test
