#include "tests/ops/neuron_spec.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/ops/op_test.hpp"

namespace synfire::ops_test {
namespace {

class NeuronTest : public testing::TestWithParam<std::tuple<std::string, DType>> {
 protected:
  // Shapes that the dtype's blocks allow; d_ff is seldom a multiple of the group.
  std::vector<NeuronShape> shapes() const {
    std::vector<NeuronShape> fitting;
    for (const NeuronShape& shape :
         {NeuronShape{1, 1, 16, true}, NeuronShape{31, 33, 16, true},
          NeuronShape{32, 64, 64, false}, NeuronShape{33, 60, 32, true},
          NeuronShape{172, 35, 16, false}, NeuronShape{256, 50, 16, true},
          NeuronShape{512, 34, 32, false}, NeuronShape{64, 110, 37, true}})
      if (fits(dtype_, shape.d_model)) fitting.push_back(shape);
    return fitting;
  }
  std::vector<float> input(const NeuronShape& shape, std::uint32_t n) {
    return random_floats(std::size_t{n} * shape.d_model, random_);
  }
  // All groups, none, and every third from the last on.
  static std::vector<std::vector<std::uint32_t>> residencies(const NeuronShape& shape) {
    std::vector<std::uint32_t> some;
    for (std::uint32_t group = shape.groups(); group-- > 0;)
      if (group % 3 == (shape.groups() - 1) % 3) some.push_back(group);
    return {shape.all_groups(), {}, some};
  }

  DType dtype_ = std::get<1>(GetParam());
  Random random_{17};
  Pair pair_{std::get<0>(GetParam())};
};

StageSpec ffn_stage(NeuronsSpec neurons, const sf_neuron_ffn_params& params, bool listed,
                    bool with_gates) {
  const sf_neurons_desc& desc = neurons.desc;
  StageSpec spec;
  spec.tensor_flags = listed ? SF_TENSOR_BORROW : 0;
  const std::uint32_t x = spec.rows(desc.d_model);
  const std::uint32_t list = listed ? spec.input(SF_VALUE_ACTIVE, desc.d_ff) : SF_NONE;
  std::uint32_t gates = SF_NONE;
  if (with_gates)
    gates = spec.op(SF_OP_NEURON_GATE, {x}, {SF_VALUE_ROWS, desc.d_ff}, sf_no_params{}, {},
                    {0, SF_NONE});
  spec.output(spec.op(SF_OP_NEURON_FFN, {x, list, gates}, {SF_VALUE_ROWS, desc.d_model}, params, {},
                      {0, SF_NONE}));
  spec.neurons.push_back(std::move(neurons));
  return spec;
}

TEST_P(NeuronTest, GatesOfResidentNeurons) {
  for (const NeuronShape& shape : shapes())
    for (const auto& resident : residencies(shape))
      for (const std::uint32_t n : {1u, 7u, 65u}) {
        SCOPED_TRACE(testing::Message() << shape.d_model << " x " << shape.d_ff << ", "
                                        << resident.size() << " groups, T " << n);
        StageSpec spec;
        const std::uint32_t x = spec.rows(shape.d_model);
        spec.output(spec.op(SF_OP_NEURON_GATE, {x}, {SF_VALUE_ROWS, shape.d_ff}, sf_no_params{}, {},
                            {0, SF_NONE}));
        spec.neurons.push_back(random_neurons(shape, dtype_, random_, resident));
        const std::vector<Bytes> in{bytes_of(input(shape, n))};
        const auto got = run_on(pair_.device, spec, BatchSpec::of(n), in);
        const auto want = run_on(pair_.oracle, spec, BatchSpec::of(n), in);
        ASSERT_EQ(got.size(), 1u);
        ASSERT_EQ(want.size(), 1u);
        // What was not written means nothing.
        std::vector<bool> written(shape.d_ff, false);
        for (const std::uint32_t group : resident)
          for (std::uint32_t i = 0; i < shape.group_size; ++i)
            if (group * shape.group_size + i < shape.d_ff)
              written[group * shape.group_size + i] = true;
        std::vector<float> a = floats_of(got[0]), b = floats_of(want[0]);
        for (std::size_t i = 0; i < a.size(); ++i)
          if (!written[i % shape.d_ff]) a[i] = b[i] = 0;
        expect_close(a, b, tolerance(SF_OP_NEURON_GATE, dtype_));
      }
}

TEST_P(NeuronTest, FfnOfAllResidentNeurons) {
  for (const NeuronShape& shape : shapes())
    for (const auto& resident : residencies(shape))
      for (const std::uint32_t n : {1u, 2u, 65u}) {
        SCOPED_TRACE(testing::Message() << shape.d_model << " x " << shape.d_ff << ", "
                                        << resident.size() << " groups, T " << n);
        const auto spec = ffn_stage(random_neurons(shape, dtype_, random_, resident),
                                    {SF_ACTIVATION_SILU, SF_GATE_NONE, 0, 0}, false, false);
        pair_.compare(spec, BatchSpec::of(n), {bytes_of(input(shape, n))},
                      tolerance(SF_OP_NEURON_FFN, dtype_));
      }
}

TEST_P(NeuronTest, FfnOfAnActiveList) {
  for (const NeuronShape& shape : shapes())
    for (const std::uint32_t n : {1u, 7u, 65u, 130u})
      for (const int share : {0, 10, 60, 100}) {  // percent of (neuron, token) pairs
        SCOPED_TRACE(testing::Message() << shape.d_model << " x " << shape.d_ff << ", T " << n
                                        << ", " << share << " % active");
        std::uniform_int_distribution<int> percent(0, 99);
        const Bytes list = active_list(
            shape.d_ff, n, [&](std::uint32_t, std::uint32_t) { return percent(random_) < share; });
        StageSpec spec = ffn_stage(random_neurons(shape, dtype_, random_, residencies(shape)[2]),
                                   {SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 0}, true, false);
        spec.max_tokens = 130;
        pair_.compare(spec, BatchSpec::of(n), {bytes_of(input(shape, n)), list},
                      tolerance(SF_OP_NEURON_FFN, dtype_));
      }
}

// All predicted, of which the gates drop what does not fire, is the dense answer.
TEST_P(NeuronTest, AListOfAllIsTheDenseAnswer) {
  for (const NeuronShape& shape : shapes())
    for (const std::uint32_t n : {1u, 7u, 65u}) {
      SCOPED_TRACE(testing::Message() << shape.d_model << " x " << shape.d_ff << ", T " << n);
      const NeuronsSpec neurons = random_neurons(shape, dtype_, random_, shape.all_groups());
      const Bytes x = bytes_of(input(shape, n));
      const Bytes list =
          active_list(shape.d_ff, n, [](std::uint32_t, std::uint32_t) { return true; });
      const auto listed =
          ffn_stage(neurons, {SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 0}, true, false);
      const auto dense = ffn_stage(neurons, {SF_ACTIVATION_RELU, SF_GATE_NONE, 0, 0}, false, false);
      expect_close(floats_of(run_on(pair_.device, listed, BatchSpec::of(n), {x, list}).at(0)),
                   floats_of(run_on(pair_.device, dense, BatchSpec::of(n), {x}).at(0)),
                   tolerance(SF_OP_NEURON_FFN, dtype_));
    }
}

TEST_P(NeuronTest, EveryActivationAndGateRule) {
  for (const NeuronShape& shape : {NeuronShape{256, 20, 16, true}, NeuronShape{256, 33, 8, false}})
    for (std::uint32_t kind = SF_ACTIVATION_SILU; kind <= SF_ACTIVATION_DRELU; ++kind)
      for (std::uint32_t rule = SF_GATE_NONE; rule <= SF_GATE_ABS_ABOVE; ++rule)
        for (const auto& [with_gates, weighted] :
             {std::pair(false, false), std::pair(true, false), std::pair(false, true)}) {
          if (kind == SF_ACTIVATION_DRELU && !shape.gated) continue;
          SCOPED_TRACE(testing::Message()
                       << shape.d_model << " x " << shape.d_ff << ", activation " << kind
                       << ", rule " << rule << (with_gates ? ", gates given" : "")
                       << (weighted ? ", weighted" : ""));
          NeuronsSpec neurons = random_neurons(shape, dtype_, random_, shape.all_groups());
          if (weighted) neurons.gate_weights = random_floats(shape.d_ff, random_, 0.5f, 4);
          const auto spec =
              ffn_stage(std::move(neurons), {kind, rule, 0.05f, 8}, false, with_gates);
          // A gate at the threshold may fall on either side: its part of the output is the
          // threshold, over the neuron's weight, times up times down.
          const bool jumps = rule == SF_GATE_ABS_ABOVE;
          for (const std::uint32_t n : {1u, 3u})
            pair_.compare(spec, BatchSpec::of(n), {bytes_of(input(shape, n))},
                          tolerance(SF_OP_NEURON_FFN, dtype_) + (jumps ? 0.02f : 0.0f));
        }
}

// What is no number is over no threshold: its rows are not read. Nor is what an activation makes
// nothing of, however large; an infinite gate is over all thresholds, and shows.
TEST_P(NeuronTest, GatesThatAreNoNumbersPassNoThreshold) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const NeuronShape shape{256, 33, 16, true};
  const NeuronsSpec neurons = random_neurons(shape, dtype_, random_, shape.all_groups());
  for (const std::uint32_t n : {1u, 5u, 40u})
    for (const bool infinite : {false, true}) {
      SCOPED_TRACE(testing::Message() << "T " << n << (infinite ? ", one infinite" : ""));
      StageSpec spec;
      const std::uint32_t x = spec.rows(shape.d_model);
      const std::uint32_t gates = spec.rows(shape.d_ff);
      spec.output(spec.op(SF_OP_NEURON_FFN, {x, SF_NONE, gates}, {SF_VALUE_ROWS, shape.d_model},
                          sf_neuron_ffn_params{SF_ACTIVATION_SILU, SF_GATE_ABS_ABOVE, 0.25f, 0}, {},
                          {0, SF_NONE}));
      spec.neurons.push_back(neurons);
      std::vector<float> given = random_floats(std::size_t{n} * shape.d_ff, random_);
      for (float& gate : given)  // none within rounding of the threshold
        if (std::fabs(std::fabs(gate / (1 + std::exp(-gate))) - 0.25f) < 0.01f) gate = 0;
      for (std::uint32_t t = 0; t < n; ++t) {
        float* const row = given.data() + std::size_t{t} * shape.d_ff;
        row[t % 7] = std::numeric_limits<float>::quiet_NaN();
        row[7 + t % 5] = -1e20f;
        row[20 + t % 13] = -1e30f;
        if (infinite) row[14] = kInfinity;
      }
      const std::vector<Bytes> in{bytes_of(input(shape, n)), bytes_of(given)};
      if (!infinite) {
        pair_.compare(spec, BatchSpec::of(n), in, tolerance(SF_OP_NEURON_FFN, dtype_));
        continue;
      }
      for (TestDevice* const device : {&pair_.device, &pair_.oracle}) {
        const std::vector<float> out = floats_of(run_on(*device, spec, BatchSpec::of(n), in).at(0));
        for (std::uint32_t t = 0; t < n; ++t)
          EXPECT_TRUE(std::any_of(out.begin() + t * shape.d_model,
                                  out.begin() + (t + 1) * shape.d_model,
                                  [](float value) { return !std::isfinite(value); }));
      }
    }
}

TEST_P(NeuronTest, ChunksDoNotChangeTheAnswerMuchAndRunsNotAtAll) {
  const NeuronShape shape{256, 150, 32, true};
  const NeuronsSpec neurons = random_neurons(shape, dtype_, random_, shape.all_groups());
  const std::vector<Bytes> in{bytes_of(input(shape, 5))};
  for (const std::uint32_t chunk : {0u, 1u, 7u, 64u, 100000u}) {
    const auto spec =
        ffn_stage(neurons, {SF_ACTIVATION_RELU2, SF_GATE_POSITIVE, 0, chunk}, false, false);
    pair_.compare(spec, BatchSpec::of(5), in, tolerance(SF_OP_NEURON_FFN, dtype_));
    const auto once = run_on(pair_.device, spec, BatchSpec::of(5), in);
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(run_on(pair_.device, spec, BatchSpec::of(5), in), once) << "chunk " << chunk;
  }
}

// So many partial sums that a backend may take the tokens in groups.
TEST_P(NeuronTest, ManyTokensAndSmallChunks) {
  constexpr std::uint32_t kTokens = 300;
  const NeuronShape shape{256, 300, 32, true};
  const Bytes list = active_list(shape.d_ff, kTokens, [](std::uint32_t neuron, std::uint32_t t) {
    return (neuron * 7 + t) % 5 == 0 || t == kTokens - 1;
  });
  StageSpec spec = ffn_stage(random_neurons(shape, dtype_, random_, shape.all_groups()),
                             {SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 1}, true, false);
  spec.max_tokens = kTokens;
  pair_.compare(spec, BatchSpec::of(kTokens), {bytes_of(input(shape, kTokens)), list},
                tolerance(SF_OP_NEURON_FFN, dtype_));
}

// Chunks of many neurons, of which tokens need few, some or nearly all.
TEST_P(NeuronTest, FewTokensAndLargeChunks) {
  constexpr std::uint32_t kTokens = 8;
  const NeuronShape shape{256, 300, 32, true};
  const NeuronsSpec neurons = random_neurons(shape, dtype_, random_, residencies(shape)[0]);
  std::uniform_int_distribution<std::uint32_t> percent(0, 99);
  const Bytes list = active_list(shape.d_ff, kTokens, [&](std::uint32_t neuron, std::uint32_t) {
    return percent(random_) < (neuron < 100 ? 12u : neuron < 200 ? 30u : 90u);
  });
  for (const bool with_gates : {false, true})
    for (const std::uint32_t chunk : {70u, 140u, 300u}) {
      SCOPED_TRACE(testing::Message() << "chunk " << chunk << (with_gates ? ", gates given" : ""));
      const auto spec =
          ffn_stage(neurons, {SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, chunk}, true, with_gates);
      pair_.compare(spec, BatchSpec::of(kTokens), {bytes_of(input(shape, kTokens)), list},
                    tolerance(SF_OP_NEURON_FFN, dtype_));
    }
}

TEST_P(NeuronTest, SplitHalvesAddUpToTheWhole) {
  const NeuronShape shape{256, 172, 16, true};
  const std::vector<std::uint32_t> all = shape.all_groups();
  NeuronsSpec neurons = random_neurons(shape, dtype_, random_, all);
  const std::vector<Bytes> in{bytes_of(input(shape, 2))};
  const sf_neuron_ffn_params params{SF_ACTIVATION_RELU, SF_GATE_POSITIVE, 0, 0};
  const auto share = [&](std::vector<std::uint32_t> groups) {
    neurons.resident = std::move(groups);
    const auto out =
        run_on(pair_.device, ffn_stage(neurons, params, false, false), BatchSpec::of(2), in);
    return out.empty() ? std::vector<float>() : floats_of(out[0]);
  };
  const std::vector<float> whole = share(all);
  std::vector<float> sum = share({1, 4, 10});
  const std::vector<float> rest = share({0, 2, 3, 5, 6, 7, 8, 9});
  ASSERT_EQ(sum.size(), rest.size());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rest[i];
  // Factors of quantized rows may be rounded by the largest of those beside them.
  expect_close(sum, whole, tolerance(SF_OP_NEURON_FFN, dtype_));
}

INSTANTIATE_TEST_SUITE_P(Backends, NeuronTest,
                         testing::Combine(testing::ValuesIn(compared_backends()),
                                          testing::ValuesIn(weight_dtypes())),
                         backend_and_dtype_name);

// Lists are compared bit for bit: scores come in as they are.
class SelectTest : public testing::TestWithParam<std::string> {};

TEST_P(SelectTest, TheSameListAsTheReference) {
  Random random(23);
  Pair pair(GetParam());
  for (const bool with_neurons : {false, true})
    for (const std::uint32_t d_ff : {1u, 31u, 33u, 172u, 300u})
      for (const std::uint32_t n : {1u, 2u, 64u, 65u, 128u})
        for (const sf_select_params& params :
             {sf_select_params{SF_GATE_POSITIVE, SF_ACTIVATION_RELU, 0},
              sf_select_params{SF_GATE_POSITIVE, SF_ACTIVATION_RELU, 0.9f},
              sf_select_params{SF_GATE_POSITIVE, SF_ACTIVATION_RELU, 2},
              sf_select_params{SF_GATE_POSITIVE, SF_ACTIVATION_RELU, -2},
              sf_select_params{SF_GATE_ABS_ABOVE, SF_ACTIVATION_RELU2, 0.25f}}) {
          StageSpec spec;
          const std::uint32_t scores = spec.rows(d_ff);
          spec.output(spec.op(SF_OP_SELECT, {scores}, {SF_VALUE_ACTIVE, d_ff}, params, {},
                              {with_neurons ? 0 : SF_NONE, SF_NONE}));
          const NeuronShape shape{32, d_ff, 16, false};
          std::vector<std::uint32_t> odd;
          for (std::uint32_t group = 1; group < shape.groups(); group += 2) odd.push_back(group);
          spec.neurons.push_back(random_neurons(shape, DType::f32, random, odd));
          const std::vector<Bytes> in{bytes_of(random_floats(std::size_t{n} * d_ff, random))};
          const auto got = run_on(pair.device, spec, BatchSpec::of(n), in);
          const auto want = run_on(pair.oracle, spec, BatchSpec::of(n), in);
          ASSERT_EQ(got.size(), 1u);
          ASSERT_EQ(want.size(), 1u);
          EXPECT_EQ(entries(got[0], n), entries(want[0], n))
              << "d_ff " << d_ff << ", T " << n << ", threshold " << params.threshold;
        }
}

INSTANTIATE_TEST_SUITE_P(Backends, SelectTest, testing::ValuesIn(compared_backends()),
                         backend_name);

}  // namespace
}  // namespace synfire::ops_test
