#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "tests/unit/cpu/levels.hpp"
#include "tests/unit/cpu/test_rows.hpp"

// What each SIMD level does with packed rows: against the values that the file's bytes mean.
namespace synfire::cpu {
namespace {

class RowsTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  const KernelTable& kernels_ = *GetParam();
};

TEST_P(RowsTest, DotAgreesWithTheDecodedWeights) {
  for (const DType dtype : weight_dtypes())
    for (const std::uint32_t cols : kColumns) {
      if (!fits(dtype, cols)) continue;
      const Rows rows(dtype, cols);
      for (const std::uint32_t n_tokens : {1u, 2u, 4u, 5u, 9u, 17u})
        for (const std::uint32_t n_rows : {1u, 3u, 4u, 7u, kTileRows}) {
          Tokens tokens(cols, n_tokens);
          const std::vector<float> out = dot(kernels_, rows, tokens, n_rows);
          for (std::uint32_t t = 0; t < n_tokens; ++t)
            for (std::uint32_t r = 0; r < n_rows; ++r)
              ASSERT_NEAR(out[t * kTileRows + r], expected_dot(rows, tokens, r, t),
                          2e-6f * static_cast<float>(cols + 64))
                  << dtype_info(dtype).name << ", " << cols << " columns, row " << r << " of "
                  << n_rows << ", token " << t << " of " << n_tokens;
        }
    }
}

TEST_P(RowsTest, ATokenGetsTheSameBitsAloneAndAmongOthers) {
  for (const DType dtype : weight_dtypes())
    for (const std::uint32_t cols : {512u, 576u, 896u}) {
      if (!fits(dtype, cols)) continue;
      const Rows rows(dtype, cols);
      Tokens together(cols, 13);
      const std::vector<float> all = dot(kernels_, rows, together);
      for (std::uint32_t t = 0; t < together.n; ++t) {
        Tokens alone(cols, 1);
        alone.x.assign(together.x.begin() + t * cols, together.x.begin() + (t + 1) * cols);
        const std::vector<float> one = dot(kernels_, rows, alone);
        for (std::uint32_t r = 0; r < kTileRows; ++r)
          ASSERT_EQ(one[r], all[t * kTileRows + r])
              << dtype_info(dtype).name << ", " << cols << " columns, token " << t;
      }
    }
}

// Rows that lie apart are multiplied several at a time, those in line one by one.
TEST_P(RowsTest, ARowGetsTheSameBitsInLineAndApart) {
  for (const DType dtype : weight_dtypes())
    for (const std::uint32_t cols : {320u, 512u, 576u, 640u}) {
      if (!fits(dtype, cols)) continue;
      Rows rows(dtype, cols);
      Tokens token(cols, 1);
      const std::vector<float> in_line = dot(kernels_, rows, token);
      for (std::uint32_t r = 0; r < kTileRows; ++r) {
        const std::uint32_t from = (r * 5 + 3) % kTileRows;
        rows.rows[r] = rows.packed.data() + from * rows.stride;
      }
      const std::vector<float> apart = dot(kernels_, rows, token);
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        ASSERT_EQ(apart[r], in_line[(r * 5 + 3) % kTileRows])
            << dtype_info(dtype).name << ", " << cols << " columns, row " << r;
    }
}

// As up rows of neurons of which none is left out: a down row lies between each two.
TEST_P(RowsTest, ARowGetsTheSameBitsAtAStride) {
  for (const DType dtype : weight_dtypes())
    for (const std::uint32_t cols : {320u, 512u, 576u, 1024u}) {
      if (!fits(dtype, cols)) continue;
      Rows rows(dtype, cols);
      Tokens token(cols, 1);
      const std::vector<float> in_line = dot(kernels_, rows, token);
      std::vector<std::byte> spaced(2 * kTileRows * rows.stride);
      for (std::uint32_t r = 0; r < kTileRows; ++r) {
        std::byte* const row = spaced.data() + 2 * r * rows.stride;
        std::memcpy(row, rows.rows[r], rows.stride);
        rows.rows[r] = row;
      }
      const std::vector<float> at_stride = dot(kernels_, rows, token);
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        ASSERT_EQ(at_stride[r], in_line[r])
            << dtype_info(dtype).name << ", " << cols << " columns, row " << r;
    }
}

// Of this machine, those that multiply half floats as 16-bit integers.
std::vector<const KernelTable*> wide_levels() {
  std::vector<const KernelTable*> levels = machine_levels();
  std::erase_if(levels, [](const KernelTable* level) { return level->quantize_wide == nullptr; });
  return levels;
}

// Half-float rows times tokens with 16-bit quants.
class WideRowsTest : public RowsTest {
 protected:
  // [ids, kTileRows] of the tokens named.
  std::vector<float> dot_wide(const Rows& rows, Tokens& tokens,
                              const std::vector<std::uint32_t>& ids,
                              std::uint32_t n_rows = kTileRows) const {
    std::vector<float> out(ids.size() * kTileRows, -1e9f);
    row_kernels(kernels_, rows.dtype)
        .dot(rows.rows, nullptr, n_rows, rows.cols, tokens.prepare_wide(kernels_), ids.data(),
             static_cast<std::uint32_t>(ids.size()), out.data());
    return out;
  }
  static std::vector<std::uint32_t> all_of(const Tokens& tokens) {
    std::vector<std::uint32_t> ids(tokens.n);
    std::iota(ids.begin(), ids.end(), 0u);
    return ids;
  }
  // Roundings to 2^-16 of the norms of a unit of each.
  static void expect_products(const Rows& rows, const Tokens& tokens, std::uint32_t n_rows,
                              const std::vector<float>& out) {
    for (std::uint32_t t = 0; t < tokens.n; ++t)
      for (std::uint32_t r = 0; r < n_rows; ++r) {
        double row_squares = 0, token_squares = 0;
        for (std::uint32_t i = 0; i < rows.cols; ++i) {
          row_squares += rows.value(r, i) * rows.value(r, i);
          token_squares += tokens.value(t, i, false) * tokens.value(t, i, false);
        }
        ASSERT_NEAR(out[t * kTileRows + r], expected_dot(rows, tokens, r, t),
                    6e-5 * std::sqrt(row_squares * token_squares) + 1e-6)
            << dtype_info(rows.dtype).name << ", " << rows.cols << " columns, row " << r << " of "
            << n_rows << ", token " << t << " of " << tokens.n;
      }
  }
};

TEST_P(WideRowsTest, AgreeWithTheDecodedWeights) {
  for (const DType dtype : {DType::f16, DType::bf16})
    for (const std::uint32_t cols : kColumns) {
      const Rows rows(dtype, cols);
      for (const std::uint32_t n_tokens : {1u, 16u, 33u})
        for (const std::uint32_t n_rows : {1u, 7u, kTileRows}) {
          Tokens tokens(cols, n_tokens);
          expect_products(rows, tokens, n_rows, dot_wide(rows, tokens, all_of(tokens), n_rows));
        }
    }
}

// As activations of real models have them: other elements lose what the outlier's product hides.
TEST_P(WideRowsTest, OutliersAndZeros) {
  for (const float outlier : {0.0f, 300.0f, -20000.0f}) {
    Rows rows(DType::f16, 512);
    Tokens tokens(512, 17);
    for (std::uint32_t t = 0; t < tokens.n; ++t) {
      if (t % 3 == 0) tokens.x[t * 512 + 40] = outlier;
      if (t % 4 == 1) std::fill_n(tokens.x.begin() + t * 512, t == 1 ? 256 : 512, 0.0f);
    }
    expect_products(rows, tokens, kTileRows, dot_wide(rows, tokens, all_of(tokens)));
  }
}

// Where all products of a unit have one sign and size, the integers reach their bound; all are
// rounded to the same side.
TEST_P(WideRowsTest, SumsOfAUnitDoNotOverflow) {
  for (const float sign : {-1.0f, 1.0f})
    for (const std::uint32_t used : {1u, 2u, 256u}) {
      Rows rows(DType::bf16, 256);
      std::vector<float> row(256, 0.0f);
      std::fill_n(row.begin(), used, 3.0f);
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        quantize_row(rows.dtype, row.data(), 256, rows.file_row(r));
      rows.pack();
      Tokens tokens(256, 16);
      for (std::uint32_t i = 0; i < tokens.x.size(); ++i)
        tokens.x[i] = i % 256 < used ? sign * 1e4f : 0.0f;
      const std::vector<float> out = dot_wide(rows, tokens, all_of(tokens));
      const double want = sign * 3e4 * used;
      for (const float got : out) ASSERT_NEAR(got, want, 5e-4 * std::fabs(want));
    }
}

TEST_P(WideRowsTest, ATokensBitsDependOnNeitherItsPlaceNorTheOthers) {
  const Rows rows(DType::f16, 800);
  Tokens together(800, 600);
  const std::vector<float> all = dot_wide(rows, together, all_of(together));
  const std::vector<std::uint32_t> some = {3, 4, 20, 599, 5, 300};
  const std::vector<float> of_some = dot_wide(rows, together, some, 5);
  for (std::size_t i = 0; i < some.size(); ++i) {
    Tokens alone(800, 1);
    std::copy_n(together.x.begin() + some[i] * 800, 800, alone.x.begin());
    const std::vector<float> one = dot_wide(rows, alone, {0});
    for (std::uint32_t r = 0; r < kTileRows; ++r)
      ASSERT_EQ(one[r], all[some[i] * kTileRows + r]) << some[i];
    for (std::uint32_t r = 0; r < 5; ++r) ASSERT_EQ(of_some[i * kTileRows + r], one[r]) << some[i];
    ASSERT_EQ(of_some[i * kTileRows + 5], -1e9f);
  }
}

// What no integer can be stays no number.
TEST_P(WideRowsTest, InfinityAndNanStay) {
  const Rows rows(DType::f16, 256);
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    Tokens tokens(256, 16);
    tokens.x[7] = bad;
    const std::vector<float> out = dot_wide(rows, tokens, all_of(tokens));
    for (std::uint32_t r = 0; r < kTileRows; ++r) {
      ASSERT_FALSE(std::isfinite(out[r]));
      ASSERT_TRUE(std::isfinite(out[kTileRows + r]));
    }
  }
}

// The largest quants that a block can hold, of one sign: sums of pairs must not saturate.
TEST_P(RowsTest, ExtremeQuantsDoNotSaturate) {
  for (const int weight : {-128, -127, 127})
    for (const float sign : {-1.0f, 1.0f}) {
      Rows rows(DType::q8_0, 64);
      for (std::uint32_t block = 0; block < kTileRows * 2; ++block)
        std::memset(rows.file.data() + block * 34 + 2, weight, 32);
      rows.pack();
      Tokens tokens(64, 2);
      std::fill(tokens.x.begin(), tokens.x.end(), sign);
      const std::vector<float> out = dot(kernels_, rows, tokens);
      for (std::uint32_t r = 0; r < kTileRows; ++r)
        EXPECT_NEAR(out[r], expected_dot(rows, tokens, r, 0), 1e-3f) << weight << " x " << sign;
    }
}

TEST_P(RowsTest, DecodesWhatTheFileMeans) {
  for (const DType dtype : weight_dtypes())
    for (const std::uint32_t cols : kColumns) {
      if (!fits(dtype, cols)) continue;
      const Rows rows(dtype, cols);
      for (std::uint32_t first = 0; first < cols; first += kUnit) {
        const std::uint32_t n = cols - first;
        std::vector<float> values(n + 1, -7.0f);
        row_kernels(kernels_, dtype).decode(rows.rows[1], cols, first, n, values.data());
        for (std::uint32_t i = 0; i < n; ++i)
          ASSERT_FLOAT_EQ(values[i], rows.value(1, first + i))
              << dtype_info(dtype).name << ", " << cols << " columns, " << first + i;
        ASSERT_EQ(values[n], -7.0f);
      }
    }
}

TEST_P(RowsTest, AddsRowsTimesFactors) {
  for (const DType dtype : weight_dtypes())
    for (const std::uint32_t cols : kColumns) {
      if (!fits(dtype, cols)) continue;
      const Rows rows(dtype, cols);
      for (const std::uint32_t n_rows : {1u, 2u, 5u, kTileRows}) {
        std::vector<float> factors(n_rows);
        for (std::uint32_t r = 0; r < n_rows; ++r)
          factors[r] = (r % 2 == 0 ? 1.0f : -0.3f) * (1.0f + 0.1f * static_cast<float>(r));
        std::vector<float> acc(accumulator_floats(cols)), columns(accumulator_floats(cols));
        const RowKernels& kernels = row_kernels(kernels_, dtype);
        for (int twice = 0; twice < 2; ++twice)
          kernels.add(rows.rows, rows.rows, n_rows, cols, factors.data(), acc.data());
        for (std::uint32_t unit = 0; unit < units_of(cols); ++unit)
          kernels.settle(acc.data() + unit * kUnit, cols - unit * kUnit,
                         columns.data() + unit * kUnit);
        // Factors of 8 bits: half a step of 1/127 of the largest, for each row.
        const float rounded = dtype == DType::q8_0 || dtype == DType::q4_0 ? 0.02f : 0.0f;
        for (std::uint32_t i = 0; i < cols; ++i) {
          double want = 0, room = 1e-5;
          for (std::uint32_t r = 0; r < n_rows; ++r) {
            want += 2.0 * factors[r] * rows.value(r, i);
            room += 2.0 * rounded * std::fabs(rows.value(r, i));
          }
          ASSERT_NEAR(columns[i], want, room)
              << dtype_info(dtype).name << ", " << cols << " columns, " << n_rows << " rows, " << i;
        }
      }
    }
}

// Zero factors and rows of zeros divide nothing by zero.
TEST_P(RowsTest, AddsNothingForZeros) {
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::f16}) {
    const Rows rows(dtype, 256);
    const float factors[kTileRows] = {};
    std::vector<float> acc(256, 1.5f);
    row_kernels(kernels_, dtype).add(rows.rows, nullptr, kTileRows, 256, factors, acc.data());
    for (const float value : acc) ASSERT_EQ(value, 1.5f);
  }
}

TEST_P(RowsTest, QuantizesZerosAndOutliers) {
  Tokens tokens(192, 1);
  std::fill(tokens.x.begin(), tokens.x.end(), 0.0f);
  tokens.x[40] = -1000.0f;
  tokens.x[41] = 3.0f;
  static_cast<void>(tokens.prepare(kernels_, true));
  EXPECT_EQ(tokens.scales[0], 0.0f);
  EXPECT_FLOAT_EQ(tokens.scales[1], 1000.0f / 127.0f);
  EXPECT_EQ(tokens.quants[packed_place(40)], -127);
  EXPECT_EQ(tokens.quants[packed_place(41)], 0);
  EXPECT_EQ(tokens.sums[0], 0);
  EXPECT_EQ(tokens.sums[1], -127);                     // elements 32..47
  EXPECT_EQ(tokens.sums[8 + 1], 0);                    // elements 48..63
  for (std::uint32_t block = 6; block < 8; ++block) {  // after the end
    EXPECT_EQ(tokens.scales[block], 0.0f);
    EXPECT_EQ(tokens.quants[packed_place(block * 32)], 0);
  }
}

// Each block of a short last unit has several lanes.
TEST_P(RowsTest, QuantizesAShortLastUnit) {
  for (const std::uint32_t blocks : {2u, 4u}) {
    const std::uint32_t cols = kUnit + blocks * 32;
    Tokens tokens(cols, 1);
    static_cast<void>(tokens.prepare(kernels_, true));
    const std::int8_t* const quants = tokens.quants.data() + kUnit;
    for (std::uint32_t lane = 0; lane < 8; ++lane) {
      EXPECT_EQ(tokens.scales[8 + lane], tokens.scales[8 + lane % blocks]);
      int sum = 0;
      for (std::uint32_t i = 0; i < blocks * 32; ++i)
        if (const std::uint32_t place = packed_place(i, blocks); place / 4 % 8 == lane)
          sum += quants[place];
      EXPECT_EQ(tokens.sums[16 + lane], sum) << "lane " << lane << " of " << blocks << " blocks";
      EXPECT_EQ(tokens.sums[24 + lane], 0);
    }
    for (std::uint32_t place = blocks * 32; place < kUnit; ++place) ASSERT_EQ(quants[place], 0);
  }
}

// A machine without such a level has none of these tests.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WideRowsTest);
INSTANTIATE_TEST_SUITE_P(Levels, WideRowsTest, testing::ValuesIn(wide_levels()), level_test_name);
INSTANTIATE_TEST_SUITE_P(Levels, RowsTest, testing::ValuesIn(machine_levels()), level_test_name);

// Integer dots of a block are exact, and all levels add them up in one order.
TEST(RowsAcrossLevels, DotsOfQuantizedRowsAreTheSameBits) {
  for (const DType dtype : weight_dtypes())
    for (const std::uint32_t cols : {768u, 576u, 640u})
      for (const std::uint32_t n_tokens : {1u, 6u, 17u}) {
        if (!wants_quants(dtype) || !fits(dtype, cols)) continue;
        const Rows rows(dtype, cols);
        Tokens tokens(cols, n_tokens);
        const std::vector<float> want = dot(avx2_kernels(), rows, tokens);
        for (const KernelTable* level : machine_levels())
          EXPECT_EQ(dot(*level, rows, tokens), want)
              << level->name << ", " << dtype_info(dtype).name << ", " << cols << " columns";
      }
}

// AVX-VNNI is another way to the same integers.
TEST(RowsAcrossLevels, VnniGivesTheSameBitsAsAvx2) {
  if (!machine_features().avx_vnni) GTEST_SKIP() << "needs a processor with AVX-VNNI";
  const Rows rows(DType::f16, 768);
  Tokens tokens(768, 6);
  EXPECT_EQ(dot(avx2_vnni_kernels(), rows, tokens), dot(avx2_kernels(), rows, tokens));
}

}  // namespace
}  // namespace synfire::cpu
