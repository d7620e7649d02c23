#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "backends/cpu/kernels/kv_tile.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/unit/cpu/levels.hpp"

namespace synfire::cpu {
namespace {

constexpr float kGuard = 12345.0f;
constexpr float kScale = 0.3f;

std::vector<float> random_row(std::mt19937& random, std::size_t n) {
  std::uniform_real_distribution<float> values(-1, 1);
  std::vector<float> row(n);
  for (float& value : row) value = values(random);
  return row;
}

// Keys and values of some positions, as tiles and as the floats that they decode to. Only
// `tile_slots` slots of a tile are used, as by a KV block that is no multiple of kKvTile; the rest
// is not a number.
class Context {
 public:
  Context(DType dtype, std::uint32_t head_dim, std::uint32_t positions, std::uint32_t tile_slots,
          std::mt19937& random)
      : dtype_(dtype), head_dim_(head_dim) {
    const std::uint32_t n_tiles = (positions + tile_slots - 1) / tile_slots;
    const std::size_t bytes = kv_tile_bytes(dtype, head_dim);
    memory_.assign(2 * n_tiles * bytes, std::byte{0xff});
    for (std::uint32_t p = 0; p < positions; ++p) {
      std::byte* const tile = memory_.data() + p / tile_slots * 2 * bytes;
      const KvTileRow row(dtype, head_dim, p % tile_slots);
      row.store_key(encoded(random, keys), tile);
      row.store_value(encoded(random, values), tile + bytes);
    }
    for (std::uint32_t t = 0; t < n_tiles; ++t) {
      const std::byte* const tile = memory_.data() + t * 2 * bytes;
      tiles.push_back({tile, tile + bytes, t * tile_slots, tile_slots});
    }
  }

  std::vector<AttendTile> tiles;
  std::vector<float> keys, values;  // [positions, head_dim]

 private:
  const std::byte* encoded(std::mt19937& random, std::vector<float>& decoded) {
    row_.resize(row_bytes(dtype_, head_dim_));
    quantize_row(dtype_, random_row(random, head_dim_).data(), head_dim_, row_.data());
    decoded.resize(decoded.size() + head_dim_);
    dequantize_row(dtype_, row_.data(), head_dim_, decoded.data() + decoded.size() - head_dim_);
    return row_.data();
  }

  DType dtype_;
  std::uint32_t head_dim_;
  std::vector<std::byte> memory_, row_;
};

// Queries that see different numbers of positions, with their 8-bit form where they have one.
class Queries {
 public:
  Queries(const KernelTable& kernels, std::uint32_t n, std::uint32_t head_dim,
          std::uint32_t positions, std::mt19937& random)
      : values(random_row(random, std::size_t{n} * head_dim)),
        quants_(values.size()),
        scales_(values.size() / 32),
        sums_(values.size() / 32) {
    for (std::uint32_t q = 0; q < n; ++q) {
      rows.push_back({values.data() + q * head_dim, nullptr, nullptr, nullptr,
                      positions - std::min(positions - 1, q)});
      if (head_dim % 32 != 0) continue;
      const std::size_t block = std::size_t{q} * head_dim / 32;
      kernels.quantize_queries(rows[q].query, head_dim, &quants_[block * 32], &scales_[block],
                               &sums_[block]);
      rows[q].quants = &quants_[block * 32];
      rows[q].scales = &scales_[block];
      rows[q].sums = &sums_[block];
    }
  }

  std::vector<float> values;
  std::vector<AttendRow> rows;

 private:
  std::vector<std::int8_t> quants_;
  std::vector<float> scales_;
  std::vector<std::int32_t> sums_;
};

// Softmax attention, by its definition.
std::vector<double> attention(const Context& context, const AttendRow& row, std::uint32_t dim) {
  std::vector<double> shares(row.length);
  double sum = 0;
  for (std::uint32_t p = 0; p < row.length; ++p) {
    double dot = 0;
    for (std::uint32_t i = 0; i < dim; ++i) dot += double{context.keys[p * dim + i]} * row.query[i];
    sum += shares[p] = std::exp(dot * kScale);
  }
  std::vector<double> out(dim, 0.0);
  for (std::uint32_t p = 0; p < row.length; ++p)
    for (std::uint32_t i = 0; i < dim; ++i) out[i] += shares[p] / sum * context.values[p * dim + i];
  return out;
}

class AttendTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  using Attend = void (*)(const AttendChunk&);
  struct Format {
    DType dtype;
    Attend attend;
    double tolerance;  // Q8_0: queries are rounded to 8 bits
  };
  [[nodiscard]] std::vector<Format> formats() const {
    return {{DType::f32, kernels_.attend_f32, 3e-6},
            {DType::f16, kernels_.attend_f16, 3e-6},
            {DType::q8_0, kernels_.attend_q8_0, 1e-2}};
  }

  // All chunks, merged: partial results as attend.hpp says.
  std::vector<float> attend(Attend kernel, const Context& context,
                            const std::vector<AttendRow>& rows, std::uint32_t dim) {
    const auto n_rows = static_cast<std::uint32_t>(rows.size());
    const std::size_t floats = attend_partial_floats(n_rows, dim);
    std::vector<float> sum, partial(floats + 1, kGuard);
    const auto n_tiles = static_cast<std::uint32_t>(context.tiles.size());
    for (std::uint32_t first = 0; first < n_tiles; first += kAttendTiles) {
      const std::uint32_t n = std::min(kAttendTiles, n_tiles - first);
      kernel({&context.tiles[first], n, n_tiles - first - n, rows.data(), n_rows, dim, kScale,
              partial.data()});
      EXPECT_EQ(partial[floats], kGuard);
      if (first == 0)
        sum = partial;
      else
        kernels_.merge_attended(partial.data(), n_rows, dim, sum.data());
      EXPECT_EQ(sum[floats], kGuard);
    }
    return sum;
  }

  const KernelTable& kernels_ = *GetParam();
  std::mt19937 random_{3};
};

TEST_P(AttendTest, IsSoftmaxAttention) {
  for (const Format& format : formats())
    for (const std::uint32_t dim : {4u, 12u, 33u, 64u, 80u, 96u, 128u}) {
      if (dim % dtype_info(format.dtype).block_size != 0) continue;
      for (const std::uint32_t slots : {3u, 16u})
        for (const std::uint32_t positions : {1u, 5u, 16u, 100u, 256u, 257u, 600u}) {
          const Context context(format.dtype, dim, positions, slots, random_);
          for (const std::uint32_t n : {1u, 3u, 4u, 9u, 17u}) {
            const Queries queries(kernels_, n, dim, positions, random_);
            const auto got = attend(format.attend, context, queries.rows, dim);
            for (std::uint32_t q = 0; q < n; ++q) {
              const auto want = attention(context, queries.rows[q], dim);
              for (std::uint32_t i = 0; i < dim; ++i)
                ASSERT_NEAR(got[q * dim + i] / got[n * (dim + 1) + q], want[i], format.tolerance)
                    << dtype_info(format.dtype).name << ' ' << dim << " x " << positions
                    << " in tiles of " << slots << ", query " << q << " of " << n;
            }
          }
        }
    }
}

// Whatever is computed beside a row, its bits are the same.
TEST_P(AttendTest, ARowAloneGetsTheBitsItGetsAmongOthers) {
  constexpr std::uint32_t kDim = 64, kRows = 21, kPositions = 270;
  for (const Format& format : formats()) {
    const Context context(format.dtype, kDim, kPositions, kKvTile, random_);
    Queries queries(kernels_, kRows, kDim, kPositions, random_);
    queries.rows[0].length = 1;  // sees nothing of the second chunk
    const auto together = attend(format.attend, context, queries.rows, kDim);
    for (std::uint32_t q = 0; q < kRows; ++q) {
      const auto alone = attend(format.attend, context, {queries.rows[q]}, kDim);
      for (std::uint32_t i = 0; i < kDim; ++i) ASSERT_EQ(alone[i], together[q * kDim + i]);
      ASSERT_EQ(alone[kDim], together[kRows * kDim + q]);
      ASSERT_EQ(alone[kDim + 1], together[kRows * (kDim + 1) + q]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, AttendTest, testing::ValuesIn(machine_levels()), level_test_name);

}  // namespace
}  // namespace synfire::cpu
