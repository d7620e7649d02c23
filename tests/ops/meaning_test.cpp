#include <algorithm>
#include <cmath>

#include "tests/ops/neuron_spec.hpp"
#include "tests/ops/op_test.hpp"

// What each op means, computed by hand or by a formula written another way. For every backend, and
// above all for the reference, which the other tests take as the truth.
namespace synfire::ops_test {
namespace {

class MeaningTest : public testing::TestWithParam<std::string> {
 protected:
  void expect(const StageSpec& spec, const BatchSpec& batch,
              const std::vector<std::vector<float>>& inputs, const std::vector<float>& want,
              float tolerance = 1e-6f) {
    std::vector<Bytes> in;
    for (const std::vector<float>& input : inputs) in.push_back(bytes_of(input));
    const auto out = run_on(device_, spec, batch, in);
    ASSERT_EQ(out.size(), 1u);
    expect_close(floats_of(out[0]), want, tolerance);
  }

  Random random_{31};
  TestDevice device_{GetParam()};
};

TEST_P(MeaningTest, Embed) {
  StageSpec spec;
  const std::uint32_t table = spec.weight(HostTensor::of(DType::f32, 3, 2, {1, 2, 3, 4, 5, 6}));
  spec.output(spec.op(SF_OP_EMBED, {}, {SF_VALUE_ROWS, 2}, sf_embed_params{2}, {table}));
  BatchSpec batch = BatchSpec::of(3);
  batch.tokens = {2, 0, 2};
  expect(spec, batch, {}, {10, 12, 2, 4, 10, 12});
}

TEST_P(MeaningTest, RmsNorm) {
  StageSpec spec;
  const std::uint32_t x = spec.rows(2);
  const std::uint32_t weight = spec.weight(HostTensor::vector({1, 2}));
  spec.output(spec.op(SF_OP_RMS_NORM, {x}, {SF_VALUE_ROWS, 2}, sf_norm_params{0.5f}, {weight}));
  // mean of squares 12.5 and 3.5, plus eps: 13 and 4.
  expect(spec, BatchSpec::of(2), {{3, 4, std::sqrt(7.0f), 0}},
         {3 / std::sqrt(13.0f), 8 / std::sqrt(13.0f), std::sqrt(7.0f) / 2, 0});
}

TEST_P(MeaningTest, LayerNorm) {
  StageSpec spec;
  const std::uint32_t x = spec.rows(2);
  const std::uint32_t weight = spec.weight(HostTensor::vector({1, 2}));
  const std::uint32_t bias = spec.weight(HostTensor::vector({10, 20}));
  spec.output(
      spec.op(SF_OP_LAYER_NORM, {x}, {SF_VALUE_ROWS, 2}, sf_norm_params{0.75f}, {weight, bias}));
  // Around means of 4 and 1000.5: -1, 1 and 0.5, -0.5; mean squares 1 and 0.25, plus eps.
  expect(spec, BatchSpec::of(2), {{3, 5, 1001, 1000}},
         {10 - 1 / std::sqrt(1.75f), 20 + 2 / std::sqrt(1.75f), 10.5f, 19}, 1e-6f);
}

TEST_P(MeaningTest, AddRowAndPositions) {
  StageSpec row;
  std::uint32_t x = row.rows(2);
  const std::uint32_t weight = row.weight(HostTensor::vector({1, 2}));
  row.output(row.op(SF_OP_ADD_ROW, {x}, {SF_VALUE_ROWS, 2}, sf_no_params{}, {weight}));
  expect(row, BatchSpec::of(2), {{10, 20, 30, 40}}, {11, 22, 31, 42});
  StageSpec positions;
  x = positions.rows(2);
  const std::uint32_t table =
      positions.weight(HostTensor::of(DType::f32, 4, 2, {1, 2, 3, 4, 5, 6, 7, 8}));
  positions.output(
      positions.op(SF_OP_ADD_POSITIONS, {x}, {SF_VALUE_ROWS, 2}, sf_positions_params{1}, {table}));
  BatchSpec batch = BatchSpec::of(2);
  batch.positions = {2, 0};
  expect(positions, batch, {{10, 20, 30, 40}}, {17, 28, 33, 44});
}

TEST_P(MeaningTest, Linear) {
  StageSpec spec;
  const std::uint32_t x = spec.rows(2);
  const std::uint32_t weight = spec.weight(HostTensor::of(DType::f32, 3, 2, {1, 2, 3, 4, 5, 6}));
  const std::uint32_t bias = spec.weight(HostTensor::vector({10, 20, 30}));
  spec.output(spec.op(SF_OP_LINEAR, {x}, {SF_VALUE_ROWS, 3}, sf_no_params{}, {weight, bias}));
  expect(spec, BatchSpec::of(2), {{1, -1, 2, 0.5f}}, {9, 19, 29, 13, 28, 43});
}

TEST_P(MeaningTest, SignLinear) {
  StageSpec spec;
  const std::uint32_t x = spec.rows(9);
  // Minus at 0 and 8; at 1, 3, 5 and 7; nowhere. Bits past the width mean nothing.
  const std::uint32_t signs = spec.weight({"signs",
                                           DType::i8,
                                           3,
                                           2,
                                           {std::byte{0x01}, std::byte{0xff}, std::byte{0xaa},
                                            std::byte{0x00}, std::byte{}, std::byte{}}});
  const std::uint32_t bias = spec.weight(HostTensor::vector({100, 200, 300}));
  spec.output(spec.op(SF_OP_SIGN_LINEAR, {x}, {SF_VALUE_ROWS, 3}, sf_no_params{}, {signs, bias}));
  expect(spec, BatchSpec::of(2), {{1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 1, 0, 0, 0, 0, -1}},
         {125, 205, 345, 102, 198, 300});
}

TEST_P(MeaningTest, LinearOfEveryDtype) {
  constexpr std::uint32_t kRows = 5, kCols = 512, kTokens = 3;
  for (const DType dtype : weight_dtypes()) {
    SCOPED_TRACE(dtype_info(dtype).name);
    StageSpec spec;
    const std::uint32_t x = spec.rows(kCols);
    const std::uint32_t weight =
        spec.weight(HostTensor::random(dtype, kRows, kCols, random_, 0.08f));
    spec.output(
        spec.op(SF_OP_LINEAR, {x}, {SF_VALUE_ROWS, kRows}, sf_no_params{}, {weight, SF_NONE}));
    const std::vector<float> in = random_floats(kTokens * kCols, random_);
    std::vector<float> want;
    for (std::uint32_t t = 0; t < kTokens; ++t)
      for (std::uint32_t r = 0; r < kRows; ++r) {
        std::vector<float> row(kCols);
        dequantize_row(dtype, spec.weights[weight].row(r), kCols, row.data());
        long double sum = 0;
        for (std::uint32_t i = kCols; i-- > 0;)
          sum += static_cast<long double>(row[i]) * in[t * kCols + i];
        want.push_back(static_cast<float>(sum));
      }
    expect(spec, BatchSpec::of(kTokens), {in}, want, tolerance(SF_OP_LINEAR, dtype));
  }
}

StageSpec rope_stage(const sf_rope_params& params, std::vector<float> factors = {}) {
  StageSpec spec;
  const std::uint32_t width = params.n_heads * params.head_dim;
  const std::uint32_t x = spec.rows(width);
  const std::uint32_t weight = factors.empty() ? SF_NONE : spec.weight(HostTensor::vector(factors));
  spec.output(spec.op(SF_OP_ROPE, {x}, {SF_VALUE_ROWS, width}, params, {weight}));
  return spec;
}

TEST_P(MeaningTest, RopeTurnsPairs) {
  BatchSpec batch = BatchSpec::of(2);  // positions 0 and 1: the first passes through
  const std::vector<float> x{1, 0, 0, 1, 1, 0, 0, 1};
  const float c = std::cos(1.0f), s = std::sin(1.0f), c2 = std::cos(0.01f), s2 = std::sin(0.01f);
  sf_rope_params params{1, 4, 4, SF_ROPE_ADJACENT, 10000, 1, 0, 1, 32, 1, 0};
  expect(rope_stage(params), batch, {x}, {1, 0, 0, 1, c, s, -s2, c2});
  params.style = SF_ROPE_HALVES;
  expect(rope_stage(params), batch, {x}, {1, 0, 0, 1, c, -s2, s, c2});
  params.n_rot = 2;  // the rest of the head passes through
  expect(rope_stage(params), batch, {x}, {1, 0, 0, 1, c, s, 0, 1});
}

TEST_P(MeaningTest, RopeFactorsScaleAndMagnitude) {
  BatchSpec batch = BatchSpec::of(1);
  batch.positions = {8};
  // 8 x 0.25 / 4 = 0.5 for the first pair; 8 x 0.01 x 0.25 / 0.5 = 0.04 for the second; twice as
  // long.
  const sf_rope_params params{1, 4, 4, SF_ROPE_ADJACENT, 10000, 0.25f, 0, 2, 32, 1, 0};
  expect(rope_stage(params, {4, 0.5f}), batch, {{1, 0, 1, 0}},
         {2 * std::cos(0.5f), 2 * std::sin(0.5f), 2 * std::cos(0.04f), 2 * std::sin(0.04f)});
}

TEST_P(MeaningTest, RopeYarnMixesByFrequency) {
  // Over 256 positions pair i of 32 turns 256 / (2 pi 10000^(i/32)) times. 32 turns fall at pair
  // 0.84, one turn at 12.88: the ramp goes from pair 0 to pair 13.
  const sf_rope_params params{1, 64, 64, SF_ROPE_HALVES, 10000, 0.25f, 1, 1, 32, 1, 256};
  BatchSpec batch = BatchSpec::of(1);
  batch.positions = {100};
  std::vector<float> x(64, 0.0f), want(64);
  for (int pair = 0; pair < 32; ++pair) {
    x[pair] = 1;
    const double theta = 100 * std::pow(10000.0, -pair / 32.0);
    const double interpolated = pair >= 13 ? 1 : pair / 13.0;
    const double turned = theta * (interpolated * 0.25 + (1 - interpolated));
    const double length = 1 + 0.1 * std::log(4.0);
    want[pair] = static_cast<float>(length * std::cos(turned));
    want[32 + pair] = static_cast<float>(length * std::sin(turned));
  }
  expect(rope_stage(params), batch, {x}, want, 1e-5f);
}

StageSpec attention_stage(std::uint32_t n_heads, std::uint32_t n_kv_heads, std::uint32_t head_dim,
                          std::uint32_t block_tokens, std::uint32_t n_blocks, float scale) {
  StageSpec spec;
  spec.kv.push_back({sizeof(sf_kv_desc), 1, n_blocks, block_tokens, n_kv_heads, head_dim,
                     static_cast<std::uint32_t>(DType::f32), 0});
  const std::uint32_t q = spec.rows(n_heads * head_dim);
  const std::uint32_t k = spec.rows(n_kv_heads * head_dim);
  const std::uint32_t v = spec.rows(n_kv_heads * head_dim);
  spec.ops.push_back(
      {SF_OP_KV_WRITE, {k, v}, {}, {}, SF_NONE, 0, StageSpec::bytes_of(sf_kv_params{0})});
  spec.output(spec.op(SF_OP_ATTENTION, {q}, {SF_VALUE_ROWS, n_heads * head_dim},
                      sf_attention_params{0, n_heads, n_kv_heads, head_dim, scale}, {},
                      {SF_NONE, 0}));
  return spec;
}

TEST_P(MeaningTest, AttentionIsACausalMixOfValues) {
  BatchSpec batch = BatchSpec::of(2);
  batch.scramble_blocks(1, 2, random_);
  // Scores of the second token: 0 and ln 3, so shares 1/4 and 3/4. The first sees itself alone.
  const float ln3 = std::log(3.0f);
  expect(attention_stage(1, 1, 2, 1, 2, 0.5f), batch, {{1, 0, 2, 0}, {0, 0, ln3, 0}, {4, 0, 0, 8}},
         {4, 0, 1, 6});
}

TEST_P(MeaningTest, AttentionGroupsQueryHeads) {
  BatchSpec batch = BatchSpec::of(1);
  batch.scramble_blocks(1, 1, random_);
  // One position: each query head gets the value of its KV head, whatever the scores.
  expect(attention_stage(6, 2, 1, 4, 1, 1), batch, {{1, 2, 3, 4, 5, 6}, {7, 8}, {10, 20}},
         {10, 10, 10, 20, 20, 20});
}

TEST_P(MeaningTest, AttentionKeepsSequencesApart) {
  // Two sequences interleaved in one batch; a naive softmax over per-sequence lists.
  constexpr std::uint32_t kDim = 3, kLength = 5;
  BatchSpec batch;
  batch.scramble_blocks(2, 3, random_);
  for (std::uint32_t p = 0; p < kLength; ++p)
    for (const std::uint32_t s : {1u, 0u}) batch.append(s, p);
  const std::size_t n = std::size_t{2} * kLength * kDim;
  const std::vector<float> q = random_floats(n, random_), k = random_floats(n, random_),
                           v = random_floats(n, random_);
  std::vector<float> want;
  for (std::uint32_t t = 0; t < batch.size(); ++t) {
    double total = 0, sum[kDim] = {};
    for (std::uint32_t other = 0; other <= t; ++other) {
      if (batch.sequences[other] != batch.sequences[t]) continue;
      double score = 0;
      for (std::uint32_t i = 0; i < kDim; ++i)
        score += static_cast<double>(q[t * kDim + i]) * k[other * kDim + i];
      total += std::exp(score);
      for (std::uint32_t i = 0; i < kDim; ++i) sum[i] += std::exp(score) * v[other * kDim + i];
    }
    for (const double value : sum) want.push_back(static_cast<float>(value / total));
  }
  expect(attention_stage(1, 1, kDim, 2, 6, 1), batch, {q, k, v}, want, 1e-5f);
}

TEST_P(MeaningTest, AddAndGather) {
  StageSpec spec;
  const std::uint32_t a = spec.rows(1);
  const std::uint32_t b = spec.rows(1);
  const std::uint32_t sum = spec.op(SF_OP_ADD, {a, b}, {SF_VALUE_ROWS, 1}, sf_no_params{});
  spec.output(spec.op(SF_OP_GATHER_WANTED, {sum}, {SF_VALUE_WANTED_ROWS, 1}, sf_no_params{}));
  BatchSpec batch = BatchSpec::of(4);
  batch.wanted = {1, 3};
  expect(spec, batch, {{1, 2, 3, 4}, {10, 20, 30, 40}}, {22, 44});
}

TEST_P(MeaningTest, Activate) {
  const struct {
    std::uint32_t kind;
    std::vector<float> alone, times_up;  // of gates 1, -1, 3, -3 and ups 2, 2, -2, -2
  } cases[] = {
      {SF_ACTIVATION_SILU,
       {0.7310586f, -0.26894143f, 2.8577224f, -0.14227762f},
       {1.4621172f, -0.53788286f, -5.7154448f, 0.28455524f}},
      {SF_ACTIVATION_RELU, {1, 0, 3, 0}, {2, 0, -6, 0}},
      {SF_ACTIVATION_RELU2, {1, 0, 9, 0}, {2, 0, -18, 0}},
      {SF_ACTIVATION_GELU,
       {0.8413447f, -0.15865526f, 2.9959503f, -0.0040496940f},
       {1.6826894f, -0.31731052f, -5.9919006f, 0.0080993881f}},
      {SF_ACTIVATION_DRELU, {}, {2, 0, 0, 0}},
  };
  const std::vector<float> gates{1, -1, 3, -3}, ups{2, 2, -2, -2};
  for (const auto& [kind, alone, times_up] : cases) {
    SCOPED_TRACE(kind);
    StageSpec both;
    const std::uint32_t gate = both.rows(4);
    const std::uint32_t up = both.rows(4);
    both.output(both.op(SF_OP_ACTIVATE, {gate, up}, {SF_VALUE_ROWS, 4}, sf_activate_params{kind}));
    expect(both, BatchSpec::of(1), {gates, ups}, times_up, 2e-6f);
    if (alone.empty()) continue;
    StageSpec one;
    const std::uint32_t x = one.rows(4);
    one.output(one.op(SF_OP_ACTIVATE, {x, SF_NONE}, {SF_VALUE_ROWS, 4}, sf_activate_params{kind}));
    expect(one, BatchSpec::of(1), {gates}, alone, 2e-6f);
  }
}

// Three neurons of two inputs, in groups of two. For x = (2, 3): gates 2, 3, -2; ups 5, 4, 2.
NeuronsSpec three_neurons(bool gated, std::vector<std::uint32_t> resident = {0, 1}) {
  NeuronsSpec spec;
  spec.desc = {sizeof(sf_neurons_desc), 0, 2, 3, 2, 2, gated ? 1u : 0u, 0, 0, 0, nullptr, nullptr};
  spec.gate = HostTensor::of(DType::f32, 3, 2, {1, 0, 0, 1, -1, 0});
  spec.up = HostTensor::of(DType::f32, 3, 2, {1, 1, 2, 0, 1, 0});
  spec.down = HostTensor::of(DType::f32, 3, 2, {1, 0, 0, 1, 5, 5});
  spec.resident = std::move(resident);
  return spec;
}

StageSpec ffn_stage(NeuronsSpec neurons, const sf_neuron_ffn_params& params) {
  StageSpec spec;
  const std::uint32_t x = spec.rows(neurons.desc.d_model);
  spec.output(spec.op(SF_OP_NEURON_FFN, {x, SF_NONE, SF_NONE},
                      {SF_VALUE_ROWS, neurons.desc.d_model}, params, {}, {0, SF_NONE}));
  spec.neurons.push_back(std::move(neurons));
  return spec;
}

TEST_P(MeaningTest, NeuronGate) {
  for (const bool gated : {true, false}) {
    StageSpec spec;
    const std::uint32_t x = spec.rows(2);
    spec.output(
        spec.op(SF_OP_NEURON_GATE, {x}, {SF_VALUE_ROWS, 3}, sf_no_params{}, {}, {0, SF_NONE}));
    spec.neurons.push_back(three_neurons(gated));
    expect(spec, BatchSpec::of(2), {{2, 3, 1, -1}},
           gated ? std::vector<float>{2, 3, -2, 1, -1, -1} : std::vector<float>{5, 4, 2, 0, 2, 1});
  }
}

TEST_P(MeaningTest, NeuronFfn) {
  const sf_neuron_ffn_params relu{SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 1};
  const sf_neuron_ffn_params relu2{SF_ACTIVATION_RELU2, SF_GATE_NONE, 0, 2};
  // Hidden 2 x 5, 3 x 4, and 0: (10, 12). Without gate rows the ups squared: 25, 16, 4.
  expect(ffn_stage(three_neurons(true), relu), BatchSpec::of(1), {{2, 3}}, {10, 12});
  expect(ffn_stage(three_neurons(false), relu2), BatchSpec::of(1), {{2, 3}}, {45, 36});
  // The halves of a split.
  expect(ffn_stage(three_neurons(false, {1}), relu2), BatchSpec::of(1), {{2, 3}}, {20, 20});
  expect(ffn_stage(three_neurons(false, {0}), relu2), BatchSpec::of(1), {{2, 3}}, {25, 16});
  expect(ffn_stage(three_neurons(false, {}), relu2), BatchSpec::of(1), {{2, 3}}, {0, 0});
}

TEST_P(MeaningTest, NeuronBiasesDecide) {
  const auto biased = [](bool gated) {
    NeuronsSpec spec = three_neurons(gated);
    spec.bias = {-3, 1, 3};
    return spec;
  };
  // Gates 2, 3, -2 become -1, 4, 1: of ups 5, 4, 2 the last two count, (16 * down1 + 2 * down2).
  const sf_neuron_ffn_params relu{SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 0};
  expect(ffn_stage(biased(true), relu), BatchSpec::of(1), {{2, 3}}, {10, 26});
  // Without gates the ups decide: 2, 5, 5.
  expect(ffn_stage(biased(false), relu), BatchSpec::of(1), {{2, 3}}, {27, 30});
  StageSpec gate;
  const std::uint32_t x = gate.rows(2);
  gate.output(
      gate.op(SF_OP_NEURON_GATE, {x}, {SF_VALUE_ROWS, 3}, sf_no_params{}, {}, {0, SF_NONE}));
  gate.neurons.push_back(biased(true));
  expect(gate, BatchSpec::of(1), {{2, 3}}, {-1, 4, 1});
}

TEST_P(MeaningTest, NeuronFfnRules) {
  // relu lets -2 pass as 0 either way; |relu(g)| > 2 drops the gate of 2 as well.
  const sf_neuron_ffn_params above{SF_ACTIVATION_RELU, SF_GATE_ABS_ABOVE, 2, 0};
  expect(ffn_stage(three_neurons(true), above), BatchSpec::of(1), {{2, 3}}, {0, 12});
  // Weighed, 2 x 1.5 passes and 3 x 0.5 does not; by which it is computed, nothing is weighed.
  NeuronsSpec weighed = three_neurons(true);
  weighed.gate_weights = {1.5f, 0.5f, 100};
  expect(ffn_stage(weighed, above), BatchSpec::of(1), {{2, 3}}, {10, 0});
  expect(ffn_stage(weighed, above), BatchSpec::of(2), {{2, 3, 2, 3}}, {10, 0, 10, 0});
  // drelu: relu(gate) x relu(up). For x = (2, -5): gates 2, -5, -2, ups -3, 4, 2.
  const sf_neuron_ffn_params drelu{SF_ACTIVATION_DRELU, SF_GATE_POSITIVE, 0, 0};
  expect(ffn_stage(three_neurons(true), drelu), BatchSpec::of(2), {{2, -5, 2, 3}}, {0, 0, 10, 12});
  // silu without a rule: -2 counts, with silu(-2) x 2 x 5.
  const sf_neuron_ffn_params silu{SF_ACTIVATION_SILU, SF_GATE_NONE, 0, 0};
  const auto act = [](float x) { return x / (1 + std::exp(-x)); };
  expect(ffn_stage(three_neurons(true), silu), BatchSpec::of(1), {{2, 3}},
         {act(2) * 5 + act(-2) * 10, act(3) * 4 + act(-2) * 10}, 2e-6f);
}

TEST_P(MeaningTest, NeuronFfnTakesItsListAndItsGates) {
  StageSpec spec;
  const std::uint32_t x = spec.rows(2);
  const std::uint32_t list = spec.input(SF_VALUE_ACTIVE, 3);
  const std::uint32_t gates = spec.rows(3);
  spec.output(spec.op(SF_OP_NEURON_FFN, {x, list, gates}, {SF_VALUE_ROWS, 2},
                      sf_neuron_ffn_params{SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 0}, {},
                      {0, SF_NONE}));
  spec.neurons.push_back(three_neurons(true));
  // Token 0 needs neuron 0, token 1 neurons 0 and 2; both tokens are (2, 3). The gates say 1, 9, 2
  // and 0, 9, 2, so neuron 0 does not fire for token 1.
  const Bytes active = active_list(3, 2, [](std::uint32_t neuron, std::uint32_t t) {
    return neuron == 0 || (neuron == 2 && t == 1);
  });
  const auto out = run_on(device_, spec, BatchSpec::of(2),
                          {bytes_of({2, 3, 2, 3}), active, bytes_of({1, 9, 2, 0, 9, 2})});
  ASSERT_EQ(out.size(), 1u);
  expect_close(floats_of(out[0]), {5, 0, 20, 20}, 1e-6f);
}

// The whole FFN from dequantized rows. `supported` says whether the device takes these neurons.
class NeuronMeaningTest : public MeaningTest {
 protected:
  bool supports(const sf_neurons_desc& neurons) {
    const sf_value_desc values[] = {{SF_VALUE_ROWS, neurons.d_model},
                                    {SF_VALUE_ROWS, neurons.d_model}};
    const std::uint32_t in[] = {0, SF_NONE, SF_NONE}, out = 1;
    const sf_neuron_ffn_params params{SF_ACTIVATION_SILU, SF_GATE_NONE, 0, 0};
    const sf_op op{sizeof(sf_op), SF_OP_NEURON_FFN, 3,  1,    0,       0,
                   SF_NONE,       sizeof params,    in, &out, nullptr, &params};
    return device_->supports_op({op, values, nullptr, &neurons});
  }
  void check(DType dtype, DType down_dtype) {
    const NeuronShape shape{256, 40, 16, true};
    const NeuronsSpec neurons =
        random_neurons(shape, dtype, down_dtype, random_, shape.all_groups());
    const bool needed = down_dtype == ops_test::down_dtype(dtype);
    if (!supports(neurons.desc)) {
      EXPECT_FALSE(needed) << "neurons that every backend must take";
      return;
    }
    const std::vector<float> x = random_floats(shape.d_model, random_);
    std::vector<float> want(shape.d_model, 0.0f);
    for (std::uint32_t j = 0; j < shape.d_ff; ++j) {
      const double gate = dot(neurons.gate, j, x);
      const double hidden = gate / (1 + std::exp(-gate)) * dot(neurons.up, j, x);
      const std::vector<float> down = row(neurons.down, j);
      for (std::uint32_t i = 0; i < shape.d_model; ++i)
        want[i] += static_cast<float>(hidden * down[i]);
    }
    expect(ffn_stage(neurons, {SF_ACTIVATION_SILU, SF_GATE_NONE, 0, 0}), BatchSpec::of(1), {x},
           want,
           std::max(tolerance(SF_OP_NEURON_FFN, dtype), tolerance(SF_OP_NEURON_FFN, down_dtype)));
  }

 private:
  static std::vector<float> row(const HostTensor& tensor, std::uint32_t r) {
    std::vector<float> values(tensor.cols);
    dequantize_row(tensor.dtype, tensor.row(r), tensor.cols, values.data());
    return values;
  }
  static double dot(const HostTensor& tensor, std::uint32_t r, const std::vector<float>& x) {
    const std::vector<float> weights = row(tensor, r);
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += double{weights[i]} * x[i];
    return sum;
  }
};

TEST_P(NeuronMeaningTest, FfnOfEveryDtype) {
  for (const DType dtype : weight_dtypes())
    for (const DType down : weight_dtypes()) {
      SCOPED_TRACE(testing::Message()
                   << dtype_info(dtype).name << ", down " << dtype_info(down).name);
      check(dtype, down);
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, NeuronMeaningTest, testing::ValuesIn(all_backends()),
                         backend_name);

TEST_P(MeaningTest, Select) {
  using Entries = std::vector<std::vector<std::uint32_t>>;
  const auto select = [&](const sf_select_params& params, bool with_neurons,
                          std::vector<std::uint32_t> resident) {
    StageSpec spec;
    const std::uint32_t scores = spec.rows(3);
    spec.output(spec.op(SF_OP_SELECT, {scores}, {SF_VALUE_ACTIVE, 3}, params, {},
                        {with_neurons ? 0 : SF_NONE, SF_NONE}));
    spec.neurons.push_back(three_neurons(true, std::move(resident)));
    const auto out = run_on(device_, spec, BatchSpec::of(2), {bytes_of({0.5f, -1, 2, -1, 0, 3})});
    return out.empty() ? Entries{} : entries(out[0], 2);
  };
  const sf_select_params positive{SF_GATE_POSITIVE, SF_ACTIVATION_RELU, 0};
  EXPECT_EQ(select(positive, false, {}), (Entries{{0, 0}, {2, 0, 1}}));
  EXPECT_EQ(select(positive, true, {0}), (Entries{{0, 0}}));
  EXPECT_EQ(select(positive, true, {1}), (Entries{{2, 0, 1}}));
  EXPECT_EQ(select(positive, true, {}), Entries{});
  // |silu| of 0.5, -1, 2, -1, 0, 3: 0.31, 0.27, 1.76, 0.27, 0, 2.86.
  const sf_select_params above{SF_GATE_ABS_ABOVE, SF_ACTIVATION_SILU, 0.3f};
  EXPECT_EQ(select(above, false, {}), (Entries{{0, 0}, {2, 0, 1}}));
  const sf_select_params lower{SF_GATE_ABS_ABOVE, SF_ACTIVATION_SILU, 0.25f};
  EXPECT_EQ(select(lower, false, {}), (Entries{{0, 0, 1}, {1, 0}, {2, 0, 1}}));
}

INSTANTIATE_TEST_SUITE_P(Backends, MeaningTest, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace synfire::ops_test
