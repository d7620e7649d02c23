#include <cmath>

#include "tests/ops/op_test.hpp"

namespace synfire::ops_test {
namespace {

// [rows, ceil(width / 8)] random bits.
HostTensor random_signs(std::uint32_t rows, std::uint32_t width, Random& random) {
  HostTensor signs{"signs", DType::i8, rows, (width + 7) / 8, {}};
  signs.bytes.resize(signs.rows * signs.cols);
  for (std::byte& byte : signs.bytes) byte = static_cast<std::byte>(random() & 255);
  return signs;
}

class SignLinearTest : public testing::TestWithParam<std::string> {
 protected:
  StageSpec sign_linear(std::uint32_t rows, std::uint32_t width, bool bias,
                        std::uint32_t kind = SF_VALUE_ROWS) {
    StageSpec spec;
    spec.tensor_flags = rows == 7 ? SF_TENSOR_BORROW : 0;
    const std::uint32_t x = spec.input(kind, width);
    const std::uint32_t signs = spec.weight(random_signs(rows, width, random_));
    const std::uint32_t offset =
        bias ? spec.weight(HostTensor::vector(random_floats(rows, random_))) : SF_NONE;
    spec.output(spec.op(SF_OP_SIGN_LINEAR, {x}, {kind, rows}, sf_no_params{}, {signs, offset}));
    return spec;
  }
  // Whose sums are of the order of 1.
  std::vector<Bytes> input(std::size_t n, std::uint32_t width) {
    const float limit = std::sqrt(3.0f / static_cast<float>(width));
    return {bytes_of(random_floats(n * width, random_, -limit, limit))};
  }

  Random random_{3};
  Pair pair_{GetParam()};
};

TEST_P(SignLinearTest, AgreesWithTheReference) {
  for (const std::uint32_t width : {1u, 11u, 32u, 33u, 64u, 96u, 256u, 1056u})
    for (const std::uint32_t rows : {1u, 2u, 7u, 33u, 100u})
      for (const std::uint32_t n : {1u, 2u, 7u, 65u}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << width << ", T " << n);
        pair_.compare(sign_linear(rows, width, rows % 2 == 1), BatchSpec::of(n), input(n, width),
                      tolerance(SF_OP_SIGN_LINEAR));
      }
}

TEST_P(SignLinearTest, TakesWantedRows) {
  BatchSpec batch = BatchSpec::of(9);
  for (const std::vector<std::uint32_t>& wanted : {std::vector<std::uint32_t>{8}, {0, 3, 4}, {}}) {
    batch.wanted = wanted;
    pair_.compare(sign_linear(12, 256, true, SF_VALUE_WANTED_ROWS), batch,
                  input(wanted.size(), 256), tolerance(SF_OP_SIGN_LINEAR));
  }
}

TEST_P(SignLinearTest, ATokenIsTheSameInEveryBatch) {
  const StageSpec spec = sign_linear(33, 160, true);
  const std::vector<Bytes> all = input(5, 160);
  const auto together = run_on(pair_.device, spec, BatchSpec::of(5), all);
  ASSERT_EQ(together.size(), 1u);
  for (std::size_t t = 0; t < 5; ++t) {
    const auto* const at = all[0].data() + t * 160 * sizeof(float);
    const auto alone =
        run_on(pair_.device, spec, BatchSpec::of(1), {Bytes(at, at + 160 * sizeof(float))});
    ASSERT_EQ(alone.size(), 1u);
    EXPECT_EQ(alone[0], Bytes(together[0].data() + t * 33 * sizeof(float),
                              together[0].data() + (t + 1) * 33 * sizeof(float)));
  }
}

// As linear does.
TEST_P(SignLinearTest, SurvivesOutliers) {
  std::vector<float> x = random_floats(3 * 512, random_, -0.01f, 0.01f);
  x[100] = 4;
  x[512 + 300] = -7;
  pair_.compare(sign_linear(16, 512, false), BatchSpec::of(3), {bytes_of(x)},
                tolerance(SF_OP_SIGN_LINEAR));
}

INSTANTIATE_TEST_SUITE_P(Backends, SignLinearTest, testing::ValuesIn(compared_backends()),
                         backend_name);

}  // namespace
}  // namespace synfire::ops_test
