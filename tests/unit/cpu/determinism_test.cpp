#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "backends/cpu/cpu_features.hpp"
#include "plugins/abi/synfire_predictor.h"
#include "tests/ops/neuron_spec.hpp"
#include "tests/ops/test_stage.hpp"

// The cpu backend's promise: the same bits in every run, with any number of threads, and for a
// token alone as among others.
namespace synfire::ops_test {
namespace {

// Rows of kModel elements are packed each for itself, but half floats at the avx512 level; those of
// a head's are lanes.
constexpr std::uint32_t kModel = 288, kHeads = 4, kKvHeads = 2, kHeadDim = 32, kHidden = 600;
constexpr std::uint32_t kBlockTokens = 16, kBlocks = 75;
constexpr std::uint32_t kContext = 1200;  // so long that attention is shared out
constexpr std::uint32_t kLast = 4;        // tokens at the end that always come alone

// One layer of a model, its FFN as neurons: all gates first, then what fired; and once more dense.
class Layer {
 public:
  Layer(DType dtype, DType kv_dtype) : dtype_(dtype) {
    spec.max_tokens = 100;
    spec.kv.push_back({sizeof(sf_kv_desc), 1, kBlocks, kBlockTokens, kKvHeads, kHeadDim,
                       static_cast<std::uint32_t>(kv_dtype), 0});
    const NeuronShape shape{kModel, kHidden, 32, true};
    spec.neurons.push_back(random_neurons(shape, dtype, random_, shape.all_groups()));
    const std::uint32_t x = spec.rows(kModel);
    const std::uint32_t attended = add_attention(x);
    const std::uint32_t ffn_in = norm(attended);
    const std::uint32_t sparse = add_sparse_ffn(ffn_in);
    const std::uint32_t dense = ffn(ffn_in, SF_NONE, SF_NONE, {SF_ACTIVATION_SILU, 0, 0, 24});
    spec.output(add(attended, sparse));
    spec.output(add(attended, dense));
  }

  StageSpec spec;

 private:
  std::uint32_t norm(std::uint32_t x) {
    const std::uint32_t weight = spec.weight(HostTensor::vector(random_floats(kModel, random_)));
    return spec.op(SF_OP_RMS_NORM, {x}, {SF_VALUE_ROWS, kModel}, sf_norm_params{1e-5f}, {weight});
  }
  std::uint32_t linear(std::uint32_t x, std::uint32_t from, std::uint32_t to) {
    const float limit = std::sqrt(3.0f / static_cast<float>(from));
    const std::uint32_t weight = spec.weight(HostTensor::random(dtype_, to, from, random_, limit));
    return spec.op(SF_OP_LINEAR, {x}, {SF_VALUE_ROWS, to}, sf_no_params{}, {weight, SF_NONE});
  }
  std::uint32_t rope(std::uint32_t x, std::uint32_t heads) {
    const sf_rope_params params{heads, kHeadDim, kHeadDim, SF_ROPE_ADJACENT, 1e4f, 1, 0, 1,
                                32,    1,        0};
    return spec.op(SF_OP_ROPE, {x}, {SF_VALUE_ROWS, heads * kHeadDim}, params, {SF_NONE});
  }
  std::uint32_t add(std::uint32_t a, std::uint32_t b) {
    return spec.op(SF_OP_ADD, {a, b}, {SF_VALUE_ROWS, kModel}, sf_no_params{});
  }
  std::uint32_t add_attention(std::uint32_t x) {
    const std::uint32_t normed = norm(x);
    const std::uint32_t q = rope(linear(normed, kModel, kHeads * kHeadDim), kHeads);
    const std::uint32_t k = rope(linear(normed, kModel, kKvHeads * kHeadDim), kKvHeads);
    const std::uint32_t v = linear(normed, kModel, kKvHeads * kHeadDim);
    spec.ops.push_back(
        {SF_OP_KV_WRITE, {k, v}, {}, {}, SF_NONE, 0, StageSpec::bytes_of(sf_kv_params{0})});
    const sf_attention_params params{0, kHeads, kKvHeads, kHeadDim, 0.2f};
    const std::uint32_t out =
        spec.op(SF_OP_ATTENTION, {q}, {SF_VALUE_ROWS, kHeads * kHeadDim}, params, {}, {SF_NONE, 0});
    return add(x, linear(out, kHeads * kHeadDim, kModel));
  }
  std::uint32_t add_sparse_ffn(std::uint32_t x) {
    const std::uint32_t gates =
        spec.op(SF_OP_NEURON_GATE, {x}, {SF_VALUE_ROWS, kHidden}, sf_no_params{}, {}, {0, SF_NONE});
    const std::uint32_t active =
        spec.op(SF_OP_SELECT, {gates}, {SF_VALUE_ACTIVE, kHidden},
                sf_select_params{SF_GATE_POSITIVE, 0, 0}, {}, {0, SF_NONE});
    return ffn(x, active, gates, {SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 40});
  }
  std::uint32_t ffn(std::uint32_t x, std::uint32_t active, std::uint32_t gates,
                    const sf_neuron_ffn_params& params) {
    return spec.op(SF_OP_NEURON_FFN, {x, active, gates}, {SF_VALUE_ROWS, kModel}, params, {},
                   {0, SF_NONE});
  }

  DType dtype_;
  Random random_{5};
};

// A backend and the options of its device.
struct Place {
  std::string backend;
  host::Options options;
};

// Feeds kContext tokens, in batches of `batch` but for the last ones; both outputs of all tokens.
std::vector<std::vector<float>> feed(const StageSpec& spec, const Place& place,
                                     std::uint32_t batch) {
  TestDevice device(place.backend, place.options);
  auto stage = TestStage::make(device, spec);
  EXPECT_TRUE(stage.ok()) << stage.status().to_string();
  if (!stage.ok()) return {};
  Random random{9};
  const std::vector<float> x = random_floats(std::size_t{kContext} * kModel, random);
  BatchSpec tables;
  tables.scramble_blocks(1, kBlocks, random);
  std::vector<std::vector<float>> outputs(2);
  for (std::uint32_t first = 0, n = 0; first < kContext; first += n) {
    BatchSpec step = tables;
    n = first < kContext - kLast ? std::min(batch, kContext - kLast - first) : 1;
    for (std::uint32_t t = 0; t < n; ++t) step.append(0, first + t);
    const auto from = x.begin() + first * kModel;
    const auto out = (*stage)->run(step, {bytes_of(std::vector<float>(from, from + n * kModel))});
    EXPECT_TRUE(out.ok()) << out.status().to_string();
    if (!out.ok()) return {};
    for (std::size_t i = 0; i < 2; ++i) {
      const std::vector<float> rows = floats_of((*out)[i]);
      outputs[i].insert(outputs[i].end(), rows.begin(), rows.end());
    }
  }
  return outputs;
}

class DeterminismTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const cpu::CpuFeatures& features = cpu::machine_features();
    const bool here = GetParam() == "avx2"  ? features.avx2
                      : GetParam() == "amx" ? features.amx
                                            : features.avx512;
    if (!here) GTEST_SKIP() << "this processor lacks " << GetParam();
  }
  // "tiles" is the amx level with tiles in memory.
  Place threads(int n) const {
    Place place{"cpu", {{"threads", std::to_string(n)}}};
    if (GetParam() == "tiles")
      place.backend = "tiles";
    else
      place.options.emplace_back("simd", GetParam());
    return place;
  }
};

TEST_P(DeterminismTest, ThreadsAndRunsDoNotChangeABit) {
  for (const auto& [dtype, kv] :
       {std::pair{DType::q8_0, DType::f16}, {DType::f32, DType::f32}, {DType::f16, DType::q8_0}}) {
    const Layer layer(dtype, kv);
    const auto want = feed(layer.spec, threads(1), 100);
    ASSERT_FALSE(want.empty());
    for (const float value : want[0]) ASSERT_TRUE(std::isfinite(value));
    ASSERT_NE(want[0], want[1]);
    for (const int n : {1, 2, 3, 4})
      EXPECT_TRUE(feed(layer.spec, threads(n), 100) == want) << n << " threads";
  }
}

// How far a token's outputs may be apart in batches of different sizes; `bits`: those of the dense
// layer not at all.
void expect_same(const std::vector<std::vector<float>>& got,
                 const std::vector<std::vector<float>>& want, bool bits, float tolerance) {
  ASSERT_EQ(got.size(), want.size());
  if (bits) {
    EXPECT_TRUE(got[1] == want[1]);
  }
  for (std::size_t out = 0; out < 2; ++out) {
    ASSERT_EQ(got[out].size(), want[out].size());
    for (std::size_t i = 0; i < got[out].size(); ++i)
      ASSERT_NEAR(got[out][i], want[out][i], tolerance);
  }
}

// Not so for the sparse FFN: a batch's active list is the union of its tokens' lists, and partial
// sums go by list entries. Nor for quantized down rows, whose factors are rounded to 8 bits when a
// token is alone. Nor for rows of half floats between batches of many tokens and of few.
TEST_P(DeterminismTest, ATokenAloneGetsTheBitsItGetsAmongOthers) {
  for (const auto& [dtype, kv] : {std::pair{DType::q8_0, DType::f16}, {DType::f32, DType::q8_0}}) {
    const Layer layer(dtype, kv);
    const auto want = feed(layer.spec, threads(1), 100);
    const bool exact = dtype == DType::f32;
    for (const std::uint32_t batch : {7u, 1u}) {
      SCOPED_TRACE("batches of " + std::to_string(batch));
      expect_same(feed(layer.spec, threads(1), batch), want, exact, exact ? 1e-5f : 0.04f);
    }
  }
}

TEST_P(DeterminismTest, HalfFloatRowsGiveTheSameBitsInBatchesOfMany) {
  const Layer layer(DType::f16, DType::q8_0);
  const auto many = feed(layer.spec, threads(1), 100);
  expect_same(feed(layer.spec, threads(1), 52), many, true, 1e-5f);
  const auto few = feed(layer.spec, threads(1), 7);
  expect_same(feed(layer.spec, threads(1), 1), few, true, 1e-5f);
  expect_same(few, many, false, 0.02f);
}

TEST_P(DeterminismTest, BfloatRowsGiveTheSameBitsInBatchesOfMany) {
  const Layer layer(DType::bf16, DType::q8_0);
  const auto many = feed(layer.spec, threads(1), 100);
  expect_same(feed(layer.spec, threads(2), 52), many, true, 1e-5f);
  expect_same(feed(layer.spec, threads(1), 1), many, false, 0.02f);
}

// Of the tokens that go by in large batches.
std::vector<std::vector<float>> of_large_batches(std::vector<std::vector<float>> outputs) {
  for (std::vector<float>& output : outputs) output.resize((kContext - kLast) * kModel);
  return outputs;
}

// Tiles give quantized rows the bits of the avx512 level in any batch, and rows of half floats in
// batches of many; with few tokens these are lanes at that level alone, and their sums others.
TEST_P(DeterminismTest, TheAmxLevelGivesTheBitsOfTheAvx512Level) {
  if (GetParam() != "amx" && GetParam() != "tiles") GTEST_SKIP() << "no tiles";
  const Place avx512{"cpu", {{"simd", "avx512"}, {"threads", "1"}}};
  for (const DType dtype : {DType::q8_0, DType::f16}) {
    const Layer layer(dtype, DType::f16);
    const auto many = feed(layer.spec, threads(2), 100);
    const auto want = feed(layer.spec, avx512, 100);
    EXPECT_TRUE(of_large_batches(many) == of_large_batches(want));
    expect_same(many, want, dtype == DType::q8_0, 1e-3f);
    expect_same(feed(layer.spec, threads(1), 1), feed(layer.spec, avx512, 1), dtype == DType::q8_0,
                1e-3f);
  }
}

// A predictor in half floats: what it selects does not follow how many tokens go by together.
TEST_P(DeterminismTest, ScoresThatAreComparedAreTheSameInAnyBatch) {
  constexpr std::uint32_t kRank = 64, kTokens = 40;
  Random random{7};
  StageSpec spec;
  spec.max_tokens = kTokens;
  const auto linear = [&](std::uint32_t x, std::uint32_t from, std::uint32_t to) {
    const std::uint32_t weight =
        spec.weight(HostTensor::random(DType::f16, to, from, random, 0.2f));
    return spec.op(SF_OP_LINEAR, {x}, {SF_VALUE_ROWS, to}, sf_no_params{}, {weight, SF_NONE});
  };
  const std::uint32_t x = spec.rows(kModel);
  const std::uint32_t scores =
      linear(spec.op(SF_OP_ACTIVATE, {linear(x, kModel, kRank), SF_NONE}, {SF_VALUE_ROWS, kRank},
                     sf_activate_params{SF_ACTIVATION_RELU}),
             kRank, kHidden);
  spec.output(scores);
  spec.output(spec.op(SF_OP_SELECT, {scores}, {SF_VALUE_ACTIVE, kHidden},
                      sf_select_params{SF_GATE_POSITIVE, 0, 0}));
  const Place place = threads(1);
  TestDevice device(place.backend, place.options);
  auto stage = TestStage::make(device, spec);
  ASSERT_TRUE(stage.ok()) << stage.status().to_string();
  const std::vector<float> all = random_floats(std::size_t{kTokens} * kModel, random);
  const auto run = [&](std::uint32_t first, std::uint32_t n) {
    BatchSpec batch;
    for (std::uint32_t t = 0; t < n; ++t) batch.append(0, first + t);
    const auto from = all.begin() + first * kModel;
    const auto out = (*stage)->run(batch, {bytes_of(std::vector<float>(from, from + n * kModel))});
    EXPECT_TRUE(out.ok()) << out.status().to_string();
    return out.ok() ? floats_of((*out)[0]) : std::vector<float>();
  };
  const std::vector<float> together = run(0, kTokens);
  std::vector<float> alone;
  for (std::uint32_t t = 0; t < kTokens; ++t) {
    const std::vector<float> one = run(t, 1);
    alone.insert(alone.end(), one.begin(), one.end());
  }
  EXPECT_TRUE(together == alone);
}

INSTANTIATE_TEST_SUITE_P(Levels, DeterminismTest, testing::Values("avx2", "avx512", "amx", "tiles"),
                         [](const testing::TestParamInfo<std::string>& level) {
                           return level.param;
                         });

}  // namespace
}  // namespace synfire::ops_test
