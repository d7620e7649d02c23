#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "backends/cpu/cpu_features.hpp"
#include "tests/support/tiles_backend/software_tile_kernels.hpp"
#include "tests/unit/cpu/levels.hpp"
#include "tests/unit/cpu/test_rows.hpp"

// The kernels of the amx level: over tiles in memory wherever there is AVX-512, and over the
// processor's.
namespace synfire::cpu {
namespace {

std::vector<const KernelTable*> tile_levels() {
  std::vector<const KernelTable*> levels;
  if (machine_features().avx512) levels.push_back(&software_tile_kernels());
  if (machine_features().amx) levels.push_back(&amx_kernels());
  return levels;
}

std::string name_of_tiles(const testing::TestParamInfo<const KernelTable*>& info) {
  return info.param == &amx_kernels() ? "amx" : "software";
}

std::vector<std::uint32_t> all_of(std::uint32_t n) {
  std::vector<std::uint32_t> ids(n);
  std::iota(ids.begin(), ids.end(), 0u);
  return ids;
}

constexpr float kUntouched = -1e9f;

// [ids, kTileRows] of the tokens named, as a batch of many has them.
std::vector<float> dot_many(const KernelTable& kernels, const Rows& rows, Tokens& tokens,
                            const std::vector<std::uint32_t>& ids, std::uint32_t n_rows) {
  std::vector<float> out(ids.size() * kTileRows, kUntouched);
  row_kernels(kernels, rows.dtype)
      .dot(rows.rows, rows.rows, n_rows, rows.cols,
           tokens.prepare_many(kernels, wants_quants(rows.dtype)), ids.data(),
           static_cast<std::uint32_t>(ids.size()), out.data());
  return out;
}

class TilesTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  const KernelTable& kernels_ = *GetParam();
};

constexpr std::uint32_t kTileColumns[] = {1, 31, 32, 96, 256, 576, 800, 1056, 2304};

TEST_P(TilesTest, GiveTheBitsOfTheAvx512Level) {
  for (const DType dtype : weight_dtypes()) {
    if (dtype == DType::bf16) continue;  // by other terms
    for (const std::uint32_t cols : kTileColumns) {
      if (!fits(dtype, cols)) continue;
      const Rows rows(dtype, cols);
      for (const std::uint32_t n_tokens : {1u, 8u, 16u, 33u})
        for (const std::uint32_t n_rows : {1u, 9u, kTileRows}) {
          Tokens tokens(cols, n_tokens);
          ASSERT_EQ(dot_many(kernels_, rows, tokens, all_of(n_tokens), n_rows),
                    dot_many(avx512_kernels(), rows, tokens, all_of(n_tokens), n_rows))
              << dtype_info(dtype).name << ", " << cols << " columns, " << n_rows << " rows, "
              << n_tokens << " tokens";
        }
    }
  }
}

TEST_P(TilesTest, ATokensBitsDependOnNeitherItsPlaceNorTheOthers) {
  const std::vector<std::uint32_t> some = {3, 4, 20, 21, 39, 5, 0};
  for (const DType dtype : weight_dtypes()) {
    const Rows rows(dtype, 512);
    Tokens together(512, 40);
    const std::vector<float> all = dot_many(kernels_, rows, together, all_of(40), kTileRows);
    const std::vector<float> of_some = dot_many(kernels_, rows, together, some, 11);
    for (std::size_t i = 0; i < some.size(); ++i) {
      Tokens alone(512, 1);
      std::copy_n(together.x.begin() + some[i] * 512, 512, alone.x.begin());
      const std::vector<float> one = dot_many(kernels_, rows, alone, {0}, kTileRows);
      for (std::uint32_t r = 0; r < kTileRows; ++r) {
        ASSERT_EQ(one[r], all[some[i] * kTileRows + r]) << dtype_info(dtype).name;
        ASSERT_EQ(of_some[i * kTileRows + r], r < 11 ? one[r] : kUntouched)
            << dtype_info(dtype).name << ", row " << r;
      }
    }
  }
}

// bfloat16 rows are as they are, activations have 16 bits.
TEST_P(TilesTest, BfloatRowsAgreeWithTheDecodedWeights) {
  for (const std::uint32_t cols : kColumns) {
    const Rows rows(DType::bf16, cols);
    for (const std::uint32_t n_tokens : {1u, 17u, 80u}) {
      Tokens tokens(cols, n_tokens);
      for (std::uint32_t t = 0; t < n_tokens; t += 5) tokens.x[std::size_t{t} * cols] = 3e4f;
      for (const std::uint32_t n_rows : {1u, kTileRows}) {
        const std::vector<float> out = dot_many(kernels_, rows, tokens, all_of(n_tokens), n_rows);
        for (std::uint32_t t = 0; t < n_tokens; ++t)
          for (std::uint32_t r = 0; r < n_rows; ++r) {
            double room = 1e-6;  // 2^-16 of each product, or of what it is added to
            for (std::uint32_t i = 0; i < cols; ++i)
              room += 2e-5 * std::fabs(rows.value(r, i) * tokens.value(t, i, false));
            ASSERT_NEAR(out[t * kTileRows + r], expected_dot(rows, tokens, r, t), room)
                << cols << " columns, row " << r << ", token " << t << " of " << n_tokens;
          }
      }
    }
  }
}

TEST_P(TilesTest, BfloatRowsKeepInfinityAndNan) {
  const Rows rows(DType::bf16, 256);
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    Tokens tokens(256, 16);
    tokens.x[7] = bad;
    const std::vector<float> out = dot_many(kernels_, rows, tokens, all_of(16), kTileRows);
    for (std::uint32_t r = 0; r < kTileRows; ++r) {
      ASSERT_FALSE(std::isfinite(out[r]));
      ASSERT_TRUE(std::isfinite(out[kTileRows + r]));
    }
  }
}

// Of quantized rows with more columns than a panel has, too.
TEST_P(TilesTest, LongRowsGiveTheBitsOfTheAvx512Level) {
  for (const std::uint32_t cols : {64u * 256, 64u * 256 + 32}) {
    const Rows rows(DType::q4_1, cols);
    Tokens tokens(cols, 16);
    ASSERT_EQ(dot_many(kernels_, rows, tokens, all_of(16), kTileRows),
              dot_many(avx512_kernels(), rows, tokens, all_of(16), kTileRows));
  }
}

// The bits do not say whether tiles made them: this does. Tiles are 16 rows and tokens, of a block
// of 32 quants, 64 bytes of 16-bit integers or 32 bfloat16.
TEST(SoftwareTileKernels, MultiplyWhereRowsAndTokensFillTiles) {
  if (!machine_features().avx512) GTEST_SKIP() << "this processor lacks AVX-512";
  const auto products = [](DType dtype, std::uint32_t n_rows, std::uint32_t n_tokens) {
    const Rows rows(dtype, 512);
    Tokens tokens(512, n_tokens);
    const std::uint64_t before = software_tile_products();
    dot_many(software_tile_kernels(), rows, tokens, all_of(n_tokens), n_rows);
    return software_tile_products() - before;
  };
  EXPECT_EQ(products(DType::q4_0, 16, 33), 16 * 3);
  EXPECT_EQ(products(DType::q4_k, 9, 32), 16 * 2);
  EXPECT_EQ(products(DType::q6_k, 16, 16), 32);  // half a block has one scale
  EXPECT_EQ(products(DType::q8_0, 16, 8), 16);
  EXPECT_EQ(products(DType::q8_0, 16, 7), 0);
  EXPECT_EQ(products(DType::q8_0, 1, 64), 0);
  EXPECT_EQ(products(DType::f16, 16, 33), 8 * 4 * 3);
  EXPECT_EQ(products(DType::bf16, 16, 33), 16 * 2 * 3);
  EXPECT_EQ(products(DType::f32, 16, 33), 0);
}

// A machine without such a level has none of these tests.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TilesTest);
INSTANTIATE_TEST_SUITE_P(Levels, TilesTest, testing::ValuesIn(tile_levels()), name_of_tiles);

TEST(AmxKernels, GiveTheBitsOfSoftwareTiles) {
  if (!machine_features().amx) GTEST_SKIP() << "this processor lacks AMX";
  const Rows rows(DType::bf16, 1000);
  Tokens tokens(1000, 100);
  EXPECT_EQ(dot_many(amx_kernels(), rows, tokens, all_of(100), kTileRows),
            dot_many(software_tile_kernels(), rows, tokens, all_of(100), kTileRows));
}

}  // namespace
}  // namespace synfire::cpu
