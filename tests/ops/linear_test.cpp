#include <cmath>

#include "tests/ops/op_test.hpp"

namespace synfire::ops_test {
namespace {

class LinearTest : public testing::TestWithParam<std::tuple<std::string, DType>> {
 protected:
  StageSpec linear(std::uint32_t rows, std::uint32_t cols, bool bias, std::uint32_t kind) {
    StageSpec spec;
    spec.tensor_flags = rows == 7 ? SF_TENSOR_BORROW : 0;
    const std::uint32_t x = spec.input(kind, cols);
    const float limit = std::sqrt(3.0f / static_cast<float>(cols));
    const std::uint32_t weight =
        spec.weight(HostTensor::random(dtype_, rows, cols, random_, limit));
    const std::uint32_t offset =
        bias ? spec.weight(HostTensor::vector(random_floats(rows, random_))) : SF_NONE;
    spec.output(spec.op(SF_OP_LINEAR, {x}, {kind, rows}, sf_no_params{}, {weight, offset}));
    return spec;
  }
  std::vector<Bytes> input(std::size_t n) { return {bytes_of(random_floats(n, random_))}; }

  DType dtype_ = std::get<1>(GetParam());
  Random random_{3};
  Pair pair_{std::get<0>(GetParam())};
};

TEST_P(LinearTest, AgreesWithTheReference) {
  for (const std::uint32_t cols : {1u, 31u, 32u, 33u, 96u, 172u, 224u, 256u, 512u, 1056u}) {
    if (!fits(dtype_, cols)) continue;
    for (const std::uint32_t rows : {1u, 2u, 7u, 16u, 33u, 47u})
      for (const std::uint32_t n : {1u, 2u, 7u, 65u}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << cols << ", T " << n);
        pair_.compare(linear(rows, cols, rows % 2 == 1, SF_VALUE_ROWS), BatchSpec::of(n),
                      input(n * cols), tolerance(SF_OP_LINEAR, dtype_));
      }
  }
}

TEST_P(LinearTest, TakesWantedRows) {
  BatchSpec batch = BatchSpec::of(9);
  for (const std::vector<std::uint32_t>& wanted :
       {std::vector<std::uint32_t>{8}, {0, 3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8}, {}}) {
    batch.wanted = wanted;
    pair_.compare(linear(12, 256, true, SF_VALUE_WANTED_ROWS), batch, input(wanted.size() * 256),
                  tolerance(SF_OP_LINEAR, dtype_));
  }
}

TEST_P(LinearTest, ZerosGiveTheBias) {
  const StageSpec spec = linear(5, 256, true, SF_VALUE_ROWS);
  const auto out = run_on(pair_.device, spec, BatchSpec::of(1), {Bytes(256 * sizeof(float))});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0], spec.weights[1].bytes);
}

// Rows that differ by orders of magnitude, as real activations do (outlier channels).
TEST_P(LinearTest, SurvivesOutliers) {
  std::vector<float> x = random_floats(3 * 512, random_, -0.01f, 0.01f);
  x[100] = 40;
  x[512 + 300] = -70;
  pair_.compare(linear(16, 512, false, SF_VALUE_ROWS), BatchSpec::of(3), {bytes_of(x)},
                tolerance(SF_OP_LINEAR, dtype_));
}

// Backends may compute a gated unit in one pass, whoever else reads its halves.
TEST_P(LinearTest, HalvesOfAGatedUnitMayLeave) {
  constexpr std::uint32_t kCols = 256, kRows = 40;
  const HostTensor gate = HostTensor::random(dtype_, kRows, kCols, random_, 0.1F);
  const HostTensor up = HostTensor::random(dtype_, kRows, kCols, random_, 0.1F);
  for (const std::uint32_t n : {1u, 65u}) {
    const std::vector<Bytes> x = input(std::size_t{n} * kCols);
    std::vector<Bytes> hidden;
    for (const auto& [gate_leaves, up_leaves] :
         {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
      SCOPED_TRACE(testing::Message() << "T " << n << ", " << gate_leaves << up_leaves);
      StageSpec spec;
      const std::uint32_t in = spec.rows(kCols);
      const auto half = [&](const HostTensor& weights) {
        return spec.op(SF_OP_LINEAR, {in}, {SF_VALUE_ROWS, kRows}, sf_no_params{},
                       {spec.weight(weights), SF_NONE});
      };
      const std::uint32_t ups = half(up), gates = half(gate);
      const std::uint32_t made = spec.op(SF_OP_ACTIVATE, {gates, ups}, {SF_VALUE_ROWS, kRows},
                                         sf_activate_params{SF_ACTIVATION_RELU});
      spec.output(made);
      if (gate_leaves) spec.output(gates);
      if (up_leaves) spec.output(ups);
      pair_.compare(spec, BatchSpec::of(n), x, tolerance(SF_OP_LINEAR, dtype_));
      hidden.push_back(run_on(pair_.device, spec, BatchSpec::of(n), x)[0]);
      EXPECT_EQ(hidden.back(), hidden.front());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearTest,
                         testing::Combine(testing::ValuesIn(dense_backends()),
                                          testing::ValuesIn(weight_dtypes())),
                         backend_and_dtype_name);

}  // namespace
}  // namespace synfire::ops_test
