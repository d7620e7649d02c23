#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "backends/cpu/lane_rows.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "backends/cpu/packed_rows.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/unit/cpu/levels.hpp"
#include "tests/unit/cpu/random_tokens.hpp"

// Rows as lanes, at each SIMD level that keeps them so: against the values that the file's bytes
// mean.
namespace synfire::cpu {
namespace {

constexpr DType kDTypesOfLanes[] = {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0};
constexpr std::uint32_t kColumns[] = {1,   2,   3,   5,   31,  32,  63,  64,  96,
                                      160, 224, 255, 256, 288, 576, 768, 1536};

// Whether rows of so many columns are lanes at a level.
bool fits(const KernelTable& kernels, DType dtype, std::uint32_t cols) {
  return cols % dtype_info(dtype).block_size == 0 && keeps_lanes(kernels, dtype, kTileRows, cols);
}
bool has_long_lanes(const KernelTable& kernels, DType dtype) {
  return fits(kernels, dtype, 2 * kUnit);
}

// A tile of n rows of a file.
struct Tile {
  Tile(DType weight_dtype, std::uint32_t n_cols, std::uint32_t n)
      : dtype(weight_dtype),
        cols(n_cols),
        n_rows(n),
        file(n * row_bytes(dtype, cols)),
        bytes(lane_tile_bytes(dtype, cols), std::byte{0x77}),
        values(std::size_t{n} * cols) {
    std::mt19937 random(cols * 31 + n);
    std::normal_distribution<float> normal;
    for (float& value : values) value = normal(random);
    for (std::uint32_t r = 0; r < n; ++r)
      quantize_row(dtype, values.data() + std::size_t{r} * cols, cols, file_row(r));
    pack();
  }
  std::byte* file_row(std::uint32_t r) { return file.data() + r * row_bytes(dtype, cols); }
  void pack() {
    for (std::uint32_t r = 0; r < n_rows; ++r)
      dequantize_row(dtype, file_row(r), cols, values.data() + std::size_t{r} * cols);
    pack_lane_tile(dtype, file.data(), n_rows, cols, bytes.data());
  }

  DType dtype;
  std::uint32_t cols, n_rows;
  std::vector<std::byte> file, bytes;
  std::vector<float> values;  // what the file means
};

// [ids, kTileRows] of the tokens named, x being ready.
std::vector<float> dot(const KernelTable& kernels, const Tile& tile, const Activations& x,
                       const std::vector<std::uint32_t>& ids) {
  std::vector<float> out((ids.size() + 1) * kTileRows, -1e9f);
  row_kernels(kernels, tile.dtype)
      .dot_lanes(tile.bytes.data(), tile.bytes.data(), tile.cols, x, ids.data(),
                 static_cast<std::uint32_t>(ids.size()), out.data());
  for (std::uint32_t r = 0; r < kTileRows; ++r)  // nothing is written after the last token
    EXPECT_EQ(out[ids.size() * kTileRows + r], -1e9f);
  out.resize(ids.size() * kTileRows);
  return out;
}

// The same, x being prepared as for a batch of that many tokens.
std::vector<float> dot(const KernelTable& kernels, const Tile& tile, Tokens& tokens,
                       const std::vector<std::uint32_t>& ids) {
  const bool quantized = wants_quants(tile.dtype);
  const bool beside = tile.dtype == DType::q4_0 && tokens.n > 1;
  return dot(kernels, tile,
             beside ? tokens.prepare_eights(kernels) : tokens.prepare(kernels, quantized), ids);
}

std::vector<float> dot_all(const KernelTable& kernels, const Tile& tile, Tokens& tokens) {
  std::vector<std::uint32_t> ids(tokens.n);
  std::iota(ids.begin(), ids.end(), 0u);
  return dot(kernels, tile, tokens, ids);
}

class LanesTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  static void expect_products(const Tile& tile, const Tokens& tokens,
                              const std::vector<float>& out) {
    for (std::uint32_t t = 0; t < tokens.n; ++t)
      for (std::uint32_t r = 0; r < kTileRows; ++r) {
        double want = 0;
        for (std::uint32_t i = 0; r < tile.n_rows && i < tile.cols; ++i)
          want += tile.values[std::size_t{r} * tile.cols + i] *
                  tokens.value(t, i, wants_quants(tile.dtype));
        ASSERT_NEAR(out[t * kTileRows + r], want, 2e-6 * (tile.cols + 64))
            << dtype_info(tile.dtype).name << ", " << tile.cols << " columns, row " << r << " of "
            << tile.n_rows << ", token " << t << " of " << tokens.n;
      }
  }

  const KernelTable& kernels_ = *GetParam();
};

TEST_P(LanesTest, DotAgreesWithTheDecodedWeights) {
  for (const DType dtype : kDTypesOfLanes)
    for (const std::uint32_t cols : kColumns) {
      if (!fits(kernels_, dtype, cols)) continue;
      for (const std::uint32_t n_rows : {1u, 7u, 15u, kTileRows}) {
        const Tile tile(dtype, cols, n_rows);
        for (const std::uint32_t n_tokens : {1u, 2u, 3u, 4u, 5u, 9u, 18u}) {
          Tokens tokens(cols, n_tokens);
          expect_products(tile, tokens, dot_all(kernels_, tile, tokens));
        }
      }
    }
}

TEST_P(LanesTest, ATokenGetsTheSameBitsAloneAndAmongOthers) {
  for (const DType dtype : kDTypesOfLanes)
    for (const std::uint32_t cols : {64u, 224u, 256u, 576u, 768u}) {
      if (!fits(kernels_, dtype, cols)) continue;
      const Tile tile(dtype, cols, kTileRows);
      Tokens tokens(cols, 23);
      const std::vector<float> all = dot_all(kernels_, tile, tokens);
      for (std::uint32_t t = 0; t < tokens.n; ++t) {
        const std::vector<float> one = dot(kernels_, tile, tokens, {t});
        for (std::uint32_t r = 0; r < kTileRows; ++r)
          ASSERT_EQ(one[r], all[t * kTileRows + r]) << dtype_info(dtype).name << " token " << t;
      }
    }
}

// A row's bits depend on neither its lane nor its neighbours.
TEST_P(LanesTest, ARowGetsTheSameBitsInAnyLane) {
  for (const DType dtype : kDTypesOfLanes) {
    for (const std::uint32_t cols : {96u, 256u, 576u, 768u}) {
      if (!fits(kernels_, dtype, cols)) continue;
      Tile tile(dtype, cols, kTileRows);
      Tokens tokens(cols, 5);
      const std::vector<float> before = dot_all(kernels_, tile, tokens);
      const std::size_t bytes = row_bytes(dtype, cols);
      std::rotate(tile.file.begin(), tile.file.begin() + static_cast<std::ptrdiff_t>(5 * bytes),
                  tile.file.end());
      tile.pack();
      const std::vector<float> after = dot_all(kernels_, tile, tokens);
      for (std::uint32_t t = 0; t < tokens.n; ++t)
        for (std::uint32_t r = 0; r < kTileRows; ++r)
          ASSERT_EQ(after[t * kTileRows + r], before[t * kTileRows + (r + 5) % kTileRows]);
    }
  }
}

// The same rows, packed, times the same tokens.
std::vector<float> dot_packed_rows(const KernelTable& kernels, const Tile& tile,
                                   const Activations& x, std::uint32_t n_tokens) {
  const std::size_t stride = packed_stride(tile.dtype, tile.cols);
  std::vector<std::byte> packed(kTileRows * stride);
  const std::byte* rows[kTileRows];
  for (std::uint32_t r = 0; r < kTileRows; ++r) {
    pack_row(tile.dtype, tile.file.data() + r * row_bytes(tile.dtype, tile.cols), tile.cols,
             packed.data() + r * stride);
    rows[r] = packed.data() + r * stride;
  }
  std::vector<std::uint32_t> ids(n_tokens);
  std::iota(ids.begin(), ids.end(), 0u);
  std::vector<float> out(n_tokens * kTileRows);
  row_kernels(kernels, tile.dtype)
      .dot(rows, nullptr, kTileRows, tile.cols, x, ids.data(), n_tokens, out.data());
  return out;
}

// A level may keep quantized rows in either layout, so both must give the same values.
TEST_P(LanesTest, LongQuantizedRowsHaveTheBitsOfPackedRows) {
  for (const DType dtype : {DType::q4_0, DType::q8_0}) {
    if (!has_long_lanes(kernels_, dtype)) GTEST_SKIP() << "no long lanes at this level";
    for (const std::uint32_t cols : {512u, 768u, 2048u}) {
      const Tile tile(dtype, cols, kTileRows);
      Tokens tokens(cols, 21);
      const std::vector<float> lanes = dot_all(kernels_, tile, tokens);
      EXPECT_EQ(lanes, dot_packed_rows(kernels_, tile, tokens.prepare(kernels_, true), tokens.n))
          << dtype_info(dtype).name << ", " << cols << " columns";
      for (std::uint32_t t = 0; t < tokens.n; ++t) {  // as a batch of one has it
        const std::vector<float> alone = dot(kernels_, tile, tokens.prepare(kernels_, true), {t});
        EXPECT_EQ(
            std::memcmp(alone.data(), lanes.data() + t * kTileRows, sizeof(float) * kTileRows), 0)
            << dtype_info(dtype).name << ", " << cols << " columns, token " << t;
      }
    }
  }
}

// Many tokens and half floats: in 16-bit integers, those of packed rows.
TEST_P(LanesTest, LongHalfRowsOfManyTokensHaveTheBitsOfPackedRows) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    if (!has_long_lanes(kernels_, dtype)) GTEST_SKIP() << "no long lanes at this level";
    for (const std::uint32_t cols : {288u, 512u, 576u}) {
      const Tile tile(dtype, cols, kTileRows);
      Tokens tokens(cols, 37);
      const Activations x = tokens.prepare_wide(kernels_);
      std::vector<std::uint32_t> ids(tokens.n);
      std::iota(ids.begin(), ids.end(), 0u);
      std::vector<float> out(tokens.n * kTileRows);
      row_kernels(kernels_, dtype)
          .dot_lanes(tile.bytes.data(), nullptr, cols, x, ids.data(), tokens.n, out.data());
      EXPECT_EQ(out, dot_packed_rows(kernels_, tile, x, tokens.n))
          << dtype_info(dtype).name << ", " << cols << " columns";
    }
  }
}

// Rows of zeros, whose norm is none, among others.
TEST_P(LanesTest, ZerosOfHalfRowsStayZeros) {
  if (!has_long_lanes(kernels_, DType::f16)) GTEST_SKIP() << "no long lanes at this level";
  Tile tile(DType::f16, 512, kTileRows);
  std::memset(tile.file_row(3), 0, row_bytes(DType::f16, 512));
  tile.pack();
  Tokens tokens(512, 16);
  const Activations x = tokens.prepare_wide(kernels_);
  std::vector<std::uint32_t> ids(tokens.n);
  std::iota(ids.begin(), ids.end(), 0u);
  std::vector<float> out(tokens.n * kTileRows);
  row_kernels(kernels_, DType::f16)
      .dot_lanes(tile.bytes.data(), nullptr, 512, x, ids.data(), tokens.n, out.data());
  for (std::uint32_t t = 0; t < tokens.n; ++t) {
    EXPECT_EQ(out[t * kTileRows + 3], 0);
    EXPECT_NE(out[t * kTileRows + 4], 0);
  }
}

// They need not follow each other, nor begin where a block of eight does.
TEST_P(LanesTest, Q4RowsTakeAnyTokens) {
  if (!has_long_lanes(kernels_, DType::q4_0)) GTEST_SKIP() << "no lanes of Q4_0 at this level";
  const Tile tile(DType::q4_0, 512, kTileRows);
  Tokens tokens(512, 21);
  const std::vector<float> all = dot_all(kernels_, tile, tokens);
  for (const std::vector<std::uint32_t>& ids :
       {std::vector<std::uint32_t>{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17},
        {20, 0, 2, 4, 3, 4, 4, 18, 19, 20},
        {1},
        {9, 10}}) {
    const std::vector<float> some = dot(kernels_, tile, tokens, ids);
    for (std::size_t i = 0; i < ids.size(); ++i)
      EXPECT_EQ(std::memcmp(some.data() + i * kTileRows, all.data() + ids[i] * kTileRows,
                            sizeof(float) * kTileRows),
                0)
          << "token " << ids[i];
  }
}

// What is said of EightTokens, from the quants of single tokens.
TEST_P(LanesTest, EightsAreTheQuantsOfSingleTokens) {
  if (kernels_.quantize_eight == nullptr) GTEST_SKIP() << "none at this level";
  constexpr std::uint32_t kUnits = 3;
  Tokens tokens(kUnits * kUnit, 13);
  std::fill_n(tokens.x.begin() + kUnit, 32, 0.0f);  // a block without a scale
  const Activations x = tokens.prepare_eights(kernels_);
  for (std::uint32_t t = 0; t < tokens.n; ++t)
    for (std::uint32_t unit = 0; unit < kUnits; ++unit)
      for (std::uint32_t b = 0; b < kUnitBlocks; ++b) {
        SCOPED_TRACE(testing::Message() << "token " << t << " unit " << unit << " block " << b);
        const EightTokens& block = x.eights[(t / kEight * kUnitBlocks + b) * kUnits + unit];
        const std::size_t at = std::size_t{t} * kUnits + unit;
        EXPECT_EQ(block.scales[t % kEight], x.scales[at * 8 + b]);
        EXPECT_EQ(block.starts[t % kEight], -8 * (x.sums[at * 16 + b] + x.sums[at * 16 + 8 + b]));
        for (std::uint32_t i = 0; i < 32; ++i)
          ASSERT_EQ(block.quants[i / 4][t % kEight][i % 4],
                    x.quants[at * kUnit + packed_place(b * 32 + i)]);
      }
}

// The largest codes and quants, of one sign.
TEST_P(LanesTest, ExtremeNibblesDoNotSaturate) {
  if (!fits(kernels_, DType::q4_0, kUnit)) GTEST_SKIP() << "no lanes of Q4_0 at this level";
  for (const int both : {0x00, 0x0f, 0xf0, 0xff})
    for (const float sign : {-1.0f, 1.0f}) {
      Tile tile(DType::q4_0, 256, kTileRows);
      for (std::uint32_t block = 0; block < kTileRows * 8; ++block)
        std::memset(tile.file.data() + block * 18 + 2, both, 16);
      tile.pack();
      Tokens tokens(256, 5);
      std::fill(tokens.x.begin(), tokens.x.end(), sign);
      SCOPED_TRACE(testing::Message() << both << " x " << sign);
      expect_products(tile, tokens, dot_all(kernels_, tile, tokens));
    }
}

// The largest quants that a block can hold, of one sign: sums of pairs must not saturate.
TEST_P(LanesTest, ExtremeQuantsDoNotSaturate) {
  for (const std::uint32_t cols : {64u, 512u})
    for (const int weight : {-128, -127, 127})
      for (const float sign : {-1.0f, 1.0f}) {
        if (!fits(kernels_, DType::q8_0, cols)) continue;
        Tile tile(DType::q8_0, cols, kTileRows);
        for (std::uint32_t block = 0; block < kTileRows * cols / 32; ++block)
          std::memset(tile.file.data() + block * 34 + 2, weight, 32);
        tile.pack();
        Tokens tokens(cols, 3);
        std::fill(tokens.x.begin(), tokens.x.end(), sign);
        SCOPED_TRACE(testing::Message() << weight << " x " << sign);
        expect_products(tile, tokens, dot_all(kernels_, tile, tokens));
      }
}

INSTANTIATE_TEST_SUITE_P(Levels, LanesTest, testing::ValuesIn(machine_levels()), level_test_name);

// AVX-VNNI is another way to the same integers.
TEST(LanesAcrossLevels, VnniGivesTheSameBitsAsAvx2) {
  if (!machine_features().avx_vnni) GTEST_SKIP() << "needs a processor with AVX-VNNI";
  const Tile tile(DType::q8_0, 96, kTileRows);
  Tokens tokens(96, 5);
  EXPECT_EQ(dot_all(avx2_vnni_kernels(), tile, tokens), dot_all(avx2_kernels(), tile, tokens));
}

TEST(LaneRows, GiveTheFilesBytesBack) {
  for (const DType dtype : kDTypesOfLanes)
    for (const std::uint32_t cols : {1u, 33u, 64u, 256u, 768u}) {
      if (cols % dtype_info(dtype).block_size != 0) continue;
      Tile tile(dtype, cols, 11);
      std::vector<std::byte> row(row_bytes(dtype, cols));
      for (std::uint32_t r = 0; r < 11; ++r) {
        unpack_lane_row(dtype, tile.bytes.data(), r, cols, row.data());
        EXPECT_EQ(std::memcmp(row.data(), tile.file_row(r), row.size()), 0)
            << dtype_info(dtype).name << ", " << cols << " columns, row " << r;
      }
    }
}

TEST(LaneRows, WholeTilesHaveTheBytesOfOnesThatAreFilledUp) {
  for (const DType dtype : kDTypesOfLanes)
    for (const std::uint32_t cols : {32u, 256u, 576u}) {
      if (cols % (dtype == DType::q4_0 ? kUnit : dtype_info(dtype).block_size) != 0) continue;
      const Tile tile(dtype, cols, kTileRows);
      std::vector<std::byte> row(row_bytes(dtype, cols));
      for (std::uint32_t r = 0; r < kTileRows; ++r) {
        unpack_lane_row(dtype, tile.bytes.data(), r, cols, row.data());
        EXPECT_EQ(std::memcmp(row.data(), tile.file.data() + r * row.size(), row.size()), 0)
            << dtype_info(dtype).name << ", " << cols << " columns, row " << r;
      }
    }
}

TEST(LaneRows, AreForNarrowMatrices) {
  const KernelTable& kernels = avx2_kernels();
  EXPECT_TRUE(keeps_lanes(kernels, DType::f16, 5632, 64));
  EXPECT_TRUE(keeps_lanes(kernels, DType::q8_0, 16, 256));
  EXPECT_FALSE(keeps_lanes(kernels, DType::f16, 5632, 2048));
  EXPECT_FALSE(keeps_lanes(kernels, DType::q8_0, 5632, 288));  // as long as what units serve well
  EXPECT_FALSE(keeps_lanes(kernels, DType::f16, 15, 64));      // do not fill the lanes
  EXPECT_FALSE(keeps_lanes(kernels, DType::f32, 1, 256));      // a vector
  EXPECT_FALSE(keeps_lanes(kernels, DType::i8, 5632, 64));     // signs
  EXPECT_FALSE(keeps_lanes(kernels, DType::q4_0, 5632, 256));  // no kernels
  EXPECT_FALSE(keeps_lanes(kernels, DType::q4_1, 5632, 64));
}

TEST(LaneRows, AreForLongOnesAtTheAvx512Level) {
  const KernelTable& kernels = avx512_kernels();
  EXPECT_TRUE(keeps_lanes(kernels, DType::q4_0, 5632, 2048));
  EXPECT_TRUE(keeps_lanes(kernels, DType::q4_0, 16, 256));
  EXPECT_TRUE(keeps_lanes(kernels, DType::f16, 5632, 2048));
  EXPECT_TRUE(keeps_lanes(kernels, DType::bf16, 16, 576));
  EXPECT_TRUE(keeps_lanes(kernels, DType::q8_0, 5632, 2048));
  EXPECT_FALSE(keeps_lanes(kernels, DType::f32, 5632, 2048));
  EXPECT_FALSE(keeps_lanes(kernels, DType::q8_0, 5632, 576));  // not in whole units
  EXPECT_FALSE(keeps_lanes(kernels, DType::f16, 5632, 1000));  // not in whole pairs of vectors
  EXPECT_FALSE(keeps_lanes(kernels, DType::q4_0, 5632, 576));  // not in whole units
  EXPECT_FALSE(keeps_lanes(kernels, DType::q4_0, 15, 2048));
  EXPECT_FALSE(keeps_lanes(kernels, DType::q4_1, 5632, 2048));  // no kernels
  for (const DType dtype : kDTypesOfLanes)                      // tiles want packed rows
    EXPECT_FALSE(keeps_lanes(amx_kernels(), dtype, 5632, 2048)) << dtype_info(dtype).name;
  EXPECT_TRUE(keeps_lanes(amx_kernels(), DType::f16, 5632, 64));
}

}  // namespace
}  // namespace synfire::cpu
