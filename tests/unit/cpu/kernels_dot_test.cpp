#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "backends/cpu/cpu_features.hpp"
#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/unit/cpu/levels.hpp"

namespace synfire::cpu {
namespace {

// Rows of random weights and tokens, as every dot kernel takes them.
struct Problem {
  Problem(DType weight_dtype, std::uint32_t n_cols, std::uint32_t n_tokens)
      : dtype(weight_dtype),
        cols(n_cols),
        tokens(n_tokens),
        x(std::size_t{n_tokens} * n_cols),
        quants(x.size() + 64),
        scales(x.size() / 32 + 1),
        sums(x.size() / 16 + 1) {
    std::mt19937 random(cols * 31 + tokens);
    std::normal_distribution<float> normal;
    for (float& value : x) value = normal(random);
    const std::size_t bytes = row_bytes(dtype, cols);
    packed.resize(kTileRows * bytes);
    values.resize(std::size_t{kTileRows} * cols);
    for (std::uint32_t r = 0; r < kTileRows; ++r) {
      std::vector<float> row(cols);
      for (float& value : row) value = normal(random);
      quantize_row(dtype, row.data(), cols, packed.data() + r * bytes);
      dequantize_row(dtype, packed.data() + r * bytes, cols, values.data() + r * cols);
      rows[r] = packed.data() + r * bytes;
    }
  }

  // [tokens, kTileRows]
  std::vector<float> dot(const KernelTable& kernels) {
    Activations ready{x.data(), cols, nullptr, nullptr, nullptr};
    if (wants_quants(dtype)) {
      for (std::uint32_t t = 0; t < tokens; ++t)
        kernels.quantize(x.data() + t * cols, cols, quants.data() + t * cols,
                         scales.data() + t * (cols / 32), sums.data() + t * (cols / 16));
      ready = {x.data(), cols, quants.data(), scales.data(), sums.data()};
    }
    std::vector<std::uint32_t> ids(tokens);
    for (std::uint32_t t = 0; t < tokens; ++t) ids[t] = t;
    std::vector<float> out(std::size_t{tokens} * kTileRows);
    const sdk::AlignedBytes scratch(dot_scratch_bytes(cols));
    dot_of(kernels, dtype)(rows, nullptr, cols, ready, ids.data(), tokens, out.data(),
                           scratch.data());
    return out;
  }

  // The definition: exact integer dot per block, one fused multiply-add per block.
  [[nodiscard]] float expected(std::uint32_t row, std::uint32_t token, bool quantized) const {
    double sum = 0;
    for (std::uint32_t i = 0; i < cols; ++i) {
      const float weight = values[std::size_t{row} * cols + i];
      const std::size_t at = std::size_t{token} * cols + i;
      sum += static_cast<double>(weight) *
             (quantized ? static_cast<double>(scales[at / 32]) * quants[at] : x[at]);
    }
    return static_cast<float>(sum);
  }

  DType dtype;
  std::uint32_t cols, tokens;
  std::vector<float> x, values;
  std::vector<std::byte> packed;
  const std::byte* rows[kTileRows];
  std::vector<std::int8_t> quants;
  std::vector<float> scales;
  std::vector<std::int32_t> sums;
};

constexpr DType kDtypes[] = {DType::f32,  DType::f16,  DType::bf16, DType::q8_0,
                             DType::q4_0, DType::q4_1, DType::q6_k};

bool fits(DType dtype, std::uint32_t cols) { return cols % dtype_info(dtype).block_size == 0; }

class DotTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  const KernelTable& kernels_ = *GetParam();
};

TEST_P(DotTest, AgreesWithTheDecodedWeights) {
  for (const DType dtype : kDtypes)
    for (const std::uint32_t cols : {1u, 7u, 16u, 31u, 32u, 33u, 64u, 96u, 256u, 512u, 1000u}) {
      if (!fits(dtype, cols)) continue;
      for (const std::uint32_t tokens : {1u, 2u, 3u, 4u, 5u, 8u, 9u, 17u}) {
        Problem problem(dtype, cols, tokens);
        const std::vector<float> out = problem.dot(kernels_);
        for (std::uint32_t t = 0; t < tokens; ++t)
          for (std::uint32_t r = 0; r < kTileRows; ++r) {
            const float want = problem.expected(r, t, wants_quants(dtype));
            ASSERT_NEAR(out[t * kTileRows + r], want, 2e-6f * static_cast<float>(cols + 64))
                << dtype_info(dtype).name << ", " << cols << " columns, row " << r << ", token "
                << t << " of " << tokens;
          }
      }
    }
}

TEST_P(DotTest, ATokenGetsTheSameBitsAloneAndAmongOthers) {
  for (const DType dtype : kDtypes) {
    Problem together(dtype, 512, 13);
    const std::vector<float> all = together.dot(kernels_);
    for (std::uint32_t t = 0; t < together.tokens; ++t) {
      Problem alone(dtype, 512, 13);
      alone.x.assign(together.x.begin() + t * 512, together.x.begin() + (t + 1) * 512);
      alone.tokens = 1;
      const std::vector<float> one = alone.dot(kernels_);
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        ASSERT_EQ(one[r], all[t * kTileRows + r]) << dtype_info(dtype).name << " token " << t;
    }
  }
}

// The largest quants that a block can hold, of one sign: sums of pairs must not saturate.
TEST_P(DotTest, ExtremeQuantsDoNotSaturate) {
  for (const int weight : {-128, -127, 127}) {
    for (const float sign : {-1.0f, 1.0f}) {
      Problem problem(DType::q8_0, 64, 2);
      for (std::size_t block = 0; block < kTileRows * 2; ++block)
        std::memset(problem.packed.data() + block * 34 + 2, weight, 32);
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        dequantize_row(DType::q8_0, problem.rows[r], 64, problem.values.data() + r * 64);
      std::fill(problem.x.begin(), problem.x.end(), sign);
      const std::vector<float> out = problem.dot(kernels_);
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        EXPECT_NEAR(out[r], problem.expected(r, 0, true), 1e-3f) << weight << " x " << sign;
    }
  }
}

TEST_P(DotTest, QuantizesZerosAndOutliers) {
  std::vector<float> x(64, 0.0f);
  x[40] = -1000.0f;
  x[41] = 3.0f;
  std::vector<std::int8_t> quants(64);
  float scales[2];
  std::int32_t sums[4];
  kernels_.quantize(x.data(), 64, quants.data(), scales, sums);
  EXPECT_EQ(scales[0], 0.0f);
  EXPECT_FLOAT_EQ(scales[1], 1000.0f / 127.0f);
  EXPECT_EQ(quants[40], -127);
  EXPECT_EQ(quants[41], 0);
  EXPECT_EQ(sums[0], 0);
  EXPECT_EQ(sums[2], -127);
  EXPECT_EQ(sums[3], 0);
}

INSTANTIATE_TEST_SUITE_P(Levels, DotTest, testing::ValuesIn(machine_levels()), level_test_name);

// Quantized rows: integer dots and one chain of multiply-adds per row, whatever the width.
TEST(DotAcrossLevels, QuantizedResultsAreTheSameBits) {
  for (const DType dtype : kDtypes) {
    if (!wants_quants(dtype)) continue;
    for (const std::uint32_t tokens : {1u, 6u}) {
      Problem problem(dtype, 768, tokens);
      const std::vector<float> first = problem.dot(*machine_levels().front());
      for (const KernelTable* const kernels : machine_levels())
        EXPECT_EQ(problem.dot(*kernels), first) << kernels->name << dtype_info(dtype).name;
    }
  }
}

}  // namespace
}  // namespace synfire::cpu
