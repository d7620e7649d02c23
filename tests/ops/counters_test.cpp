#include <cstring>
#include <map>
#include <span>

#include "tests/ops/neuron_spec.hpp"
#include "tests/ops/op_test.hpp"

// What devices say that they read, against what must be read.
namespace synfire::ops_test {
namespace {

constexpr NeuronShape kGated{64, 110, 16, true}, kPlain{64, 110, 16, false};

class CountersTest : public testing::TestWithParam<std::string> {
 protected:
  sf_counters counters() {
    const Result<sf_counters> now = device_->counters();
    EXPECT_TRUE(now.ok()) << now.status().to_string();
    return now.ok() ? *now : sf_counters{};
  }
  // What one run of `spec` adds.
  sf_counters counted(const StageSpec& spec, std::uint32_t n_tokens,
                      const std::vector<Bytes>& inputs, bool wanted = false) {
    const sf_counters before = counters();
    BatchSpec batch = BatchSpec::of(n_tokens);
    if (wanted) batch.wanted = {n_tokens - 1};
    run_on(device_, spec, batch, inputs);
    sf_counters after = counters();
    for (std::uint64_t sf_counters::*const field : kFields) after.*field -= before.*field;
    return after;
  }
  // The gates (up products without gates) of a stage's neurons: [n, d_ff]. Of F32 rows by the
  // scalar oracle; of others the device's own, which may round one to the other side of 0.
  std::vector<float> gates(const NeuronsSpec& neurons, std::uint32_t n_tokens, const Bytes& x) {
    StageSpec spec;
    const std::uint32_t input = spec.rows(neurons.desc.d_model);
    spec.output(spec.op(SF_OP_NEURON_GATE, {input}, {SF_VALUE_ROWS, neurons.desc.d_ff},
                        sf_no_params{}, {}, {0, SF_NONE}));
    spec.neurons.push_back(neurons);
    TestDevice& device = neurons.up.dtype == DType::f32 ? oracle_ : device_;
    return floats_of(run_on(device, spec, BatchSpec::of(n_tokens), {x}).at(0));
  }
  Bytes input(std::uint32_t n_tokens, const NeuronShape& shape) {
    return bytes_of(random_floats(std::size_t{n_tokens} * shape.d_model, random_));
  }

  static constexpr std::uint64_t sf_counters::*kFields[] = {
      &sf_counters::stages,       &sf_counters::tokens,  &sf_counters::weight_bytes,
      &sf_counters::neuron_bytes, &sf_counters::neurons, &sf_counters::active,
      &sf_counters::gate_rows,    &sf_counters::up_rows, &sf_counters::down_rows};

  Random random_{29};
  TestDevice device_{GetParam()};
  TestDevice oracle_{"reference"};
};

// An FFN over a list, or over what passes where the gates come first (`exact`).
StageSpec ffn(NeuronsSpec neurons, bool listed, bool exact) {
  const std::uint32_t d_ff = neurons.desc.d_ff;
  StageSpec spec;
  const std::uint32_t x = spec.rows(neurons.desc.d_model);
  std::uint32_t list = listed ? spec.input(SF_VALUE_ACTIVE, d_ff) : SF_NONE;
  std::uint32_t gates = SF_NONE;
  if (exact) {
    gates =
        spec.op(SF_OP_NEURON_GATE, {x}, {SF_VALUE_ROWS, d_ff}, sf_no_params{}, {}, {0, SF_NONE});
    list = spec.op(SF_OP_SELECT, {gates}, {SF_VALUE_ACTIVE, d_ff},
                   sf_select_params{SF_GATE_POSITIVE, SF_ACTIVATION_RELU, 0}, {}, {0, SF_NONE});
  }
  spec.output(spec.op(SF_OP_NEURON_FFN, {x, list, gates}, {SF_VALUE_ROWS, neurons.desc.d_model},
                      sf_neuron_ffn_params{SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 0}, {},
                      {0, SF_NONE}));
  spec.neurons.push_back(std::move(neurons));
  return spec;
}

// A scalar recount: what must be read of `gates` [n, d_ff] where `needs` says who is asked.
struct Recount {
  std::uint64_t asked = 0, fired = 0, active = 0;

  template <typename Needs>  // bool(neuron, token)
  Recount(const std::vector<float>& gates, std::uint32_t d_ff, std::uint32_t n_tokens,
          const Needs& needs) {
    for (std::uint32_t neuron = 0; neuron < d_ff; ++neuron) {
      std::uint64_t needed = 0, passed = 0;
      for (std::uint32_t t = 0; t < n_tokens; ++t) {
        if (!needs(neuron, t)) continue;
        ++needed;
        passed += gates[std::size_t{t} * d_ff + neuron] > 0;
      }
      asked += needed > 0;
      fired += passed > 0;
      active += passed;
    }
  }
};

void expect_rows(const sf_counters& counted, const NeuronShape& shape, const NeuronsSpec& neurons,
                 const Recount& want) {
  EXPECT_EQ(counted.gate_rows, shape.gated ? want.asked : 0);
  EXPECT_EQ(counted.up_rows, shape.gated ? want.fired : want.asked);
  EXPECT_EQ(counted.down_rows, want.fired);
  EXPECT_EQ(counted.active, want.active);
  EXPECT_EQ(counted.neuron_bytes,
            (counted.gate_rows + counted.up_rows) * row_bytes(neurons.up.dtype, shape.d_model) +
                counted.down_rows * row_bytes(neurons.down.dtype, shape.d_model));
}

TEST_P(CountersTest, ExactReadsAllGatesAndThenWhatFired) {
  for (const NeuronShape& shape : {kGated, kPlain})
    for (const std::uint32_t n : {1u, 3u, 65u}) {
      SCOPED_TRACE(testing::Message() << (shape.gated ? "gated" : "plain") << ", T " << n);
      const NeuronsSpec neurons = random_neurons(shape, DType::f32, random_, shape.all_groups());
      const Bytes x = input(n, shape);
      const sf_counters got = counted(ffn(neurons, false, true), n, {x});
      const Recount want(gates(neurons, n, x), shape.d_ff, n, [](auto, auto) { return true; });
      EXPECT_LT(want.active, std::uint64_t{n} * shape.d_ff);
      expect_rows(got, shape, neurons, want);
      EXPECT_EQ(got.neurons, std::uint64_t{n} * shape.d_ff);
      EXPECT_EQ(got.tokens, n);
      EXPECT_EQ(got.stages, 1U);
    }
}

TEST_P(CountersTest, OfAListOnlyTheNamedAreAskedAndOnlyTheFiredAreReadOn) {
  for (const NeuronShape& shape : {kGated, kPlain})
    for (const std::uint32_t n : {1u, 3u, 65u})
      for (const int share : {0, 2, 30, 100}) {
        SCOPED_TRACE(testing::Message() << (shape.gated ? "gated" : "plain") << ", T " << n << ", "
                                        << share << " % listed");
        const NeuronsSpec neurons = random_neurons(shape, DType::f32, random_, shape.all_groups());
        const Bytes x = input(n, shape);
        std::uniform_int_distribution<int> percent(0, 99);
        std::map<std::pair<std::uint32_t, std::uint32_t>, bool> named;
        const auto needs = [&](std::uint32_t neuron, std::uint32_t token) {
          const auto [entry, is_new] = named.try_emplace({neuron, token});
          if (is_new) entry->second = percent(random_) < share;
          return entry->second;
        };
        const Bytes list = active_list(shape.d_ff, n, needs);
        const sf_counters got = counted(ffn(neurons, true, false), n, {x, list});
        expect_rows(got, shape, neurons, Recount(gates(neurons, n, x), shape.d_ff, n, needs));
      }
}

void set_row(HostTensor& tensor, std::uint32_t row, std::span<const float> values) {
  const std::size_t bytes = row_bytes(tensor.dtype, tensor.cols);
  quantize_row(tensor.dtype, values.data(), values.size(), tensor.bytes.data() + row * bytes);
}
// No number in any dtype: where it has blocks, their scales are none.
void spoil_row(HostTensor& tensor, std::uint32_t row) {
  const std::size_t bytes = row_bytes(tensor.dtype, tensor.cols);
  std::memset(tensor.bytes.data() + row * bytes, 0xff, bytes);
}

// What must not be read is spoilt: it would make the answer no number. A neuron that is not named
// would even fire.
TEST_P(CountersTest, RowsThatNobodyNeedsTakeNoPart) {
  constexpr NeuronShape kLong{512, 110, 16, true};
  const auto expect = [&](const NeuronShape& shape, DType dtype, std::uint32_t n) {
    SCOPED_TRACE(testing::Message() << (shape.gated ? "gated " : "plain ") << shape.d_model << ", "
                                    << dtype_info(dtype).name << ", T " << n);
    NeuronsSpec neurons = random_neurons(shape, dtype, random_, shape.all_groups());
    const Bytes x = input(n, shape);
    const std::vector<float> gate = gates(neurons, n, x), tokens = floats_of(x);
    const auto needs = [](std::uint32_t neuron, std::uint32_t) { return neuron % 3 == 1; };
    const Bytes list = active_list(shape.d_ff, n, needs);
    const StageSpec sound = ffn(neurons, true, false);
    const std::vector<float> want =
        floats_of(run_on(device_, sound, BatchSpec::of(n), {x, list})[0]);
    const auto fires = std::span(tokens).first(shape.d_model);  // with the first token
    for (std::uint32_t neuron = 0; neuron < shape.d_ff; ++neuron) {
      const bool named = needs(neuron, 0);
      bool fired = false;
      for (std::uint32_t t = 0; t < n; ++t) fired |= gate[t * shape.d_ff + neuron] > 0;
      if (named && fired) continue;
      if (!named) set_row(shape.gated ? neurons.gate : neurons.up, neuron, fires);
      if (shape.gated) spoil_row(neurons.up, neuron);
      spoil_row(neurons.down, neuron);
    }
    const StageSpec spec = ffn(neurons, true, false);
    EXPECT_EQ(floats_of(run_on(device_, spec, BatchSpec::of(n), {x, list})[0]), want);
    expect_rows(counted(spec, n, {x, list}), shape, neurons, Recount(gate, shape.d_ff, n, needs));
  };
  for (const NeuronShape& shape : {kGated, kPlain, kLong})
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0})
      for (const std::uint32_t n : {1u, 3u, 65u}) expect(shape, dtype, n);
}

TEST_P(CountersTest, OnlyResidentNeuronsCount) {
  const std::vector<std::uint32_t> groups{1, 6};  // 6 is the short one: 14 neurons
  const NeuronsSpec neurons = random_neurons(kGated, DType::f32, random_, groups);
  StageSpec spec = ffn(neurons, false, false);
  const sf_counters got = counted(spec, 2, {input(2, kGated)});
  EXPECT_EQ(got.neurons, 2U * (16 + 14));
  EXPECT_EQ(got.gate_rows, 16U + 14);
}

TEST_P(CountersTest, WeightsCountOncePerOpAndAnEmbeddingByTheToken) {
  StageSpec spec;
  const std::uint32_t table = spec.weight(HostTensor::random(DType::f16, 50, 32, random_, 1));
  const std::uint32_t matrix = spec.weight(HostTensor::random(DType::q8_0, 40, 32, random_, 1));
  const std::uint32_t x =
      spec.op(SF_OP_EMBED, {}, {SF_VALUE_ROWS, 32}, sf_embed_params{1}, {table});
  spec.output(spec.op(SF_OP_LINEAR, {x}, {SF_VALUE_ROWS, 40}, sf_no_params{}, {matrix, SF_NONE}));
  EXPECT_EQ(counted(spec, 5, {}).weight_bytes, 5U * 64 + 40 * 34);
}

TEST_P(CountersTest, AMatrixThatNobodyWantsIsNotRead) {
  StageSpec spec;
  const std::uint32_t matrix = spec.weight(HostTensor::random(DType::f32, 40, 32, random_, 1));
  const std::uint32_t x = spec.rows(32);
  const std::uint32_t wanted =
      spec.op(SF_OP_GATHER_WANTED, {x}, {SF_VALUE_WANTED_ROWS, 32}, sf_no_params{});
  spec.output(spec.op(SF_OP_LINEAR, {wanted}, {SF_VALUE_WANTED_ROWS, 40}, sf_no_params{},
                      {matrix, SF_NONE}));
  const Bytes in = bytes_of(random_floats(3 * 32, random_));
  EXPECT_EQ(counted(spec, 3, {in}).weight_bytes, 0U);
  EXPECT_EQ(counted(spec, 3, {in}, true).weight_bytes, 40U * 32 * 4);
}

INSTANTIATE_TEST_SUITE_P(Backends, CountersTest, testing::ValuesIn(all_backends()), backend_name);

}  // namespace
}  // namespace synfire::ops_test
