#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
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

void decode_wide(const std::byte* row, std::uint32_t n, float* values) {
  float scale;
  std::memcpy(&scale, row + wide_dim(n) * sizeof(std::int16_t), sizeof scale);
  for (std::uint32_t i = 0; i < n; ++i) {
    std::int16_t quant;
    std::memcpy(&quant, row + i * sizeof quant, sizeof quant);
    values[i] = scale * static_cast<float>(quant);
  }
}

// How a level keeps keys and values.
struct Format {
  const char* name;
  KvFormat kept;
  DType dtype;  // that it stands for
  void (*attend)(const AttendChunk&);
  double tolerance;  // Q8_0: queries are rounded to 8 bits; wide: and shares to 16
};

// Keys and values of some positions, as tiles and as the floats that they decode to. Only
// `tile_slots` slots of a tile are used, as by a KV block that is no multiple of them; the rest
// is not a number.
class Context {
 public:
  // Gives the keys, or values, of a position.
  using Source = std::function<std::vector<float>(std::uint32_t position)>;

  Context(const KernelTable& kernels, const Format& format, std::uint32_t head_dim,
          std::uint32_t positions, std::uint32_t tile_slots, const Source& key, const Source& value)
      : kernels_(kernels), format_(format), head_dim_(head_dim) {
    const std::uint32_t n_tiles = (positions + tile_slots - 1) / tile_slots;
    const std::size_t of_keys = key_tile_bytes(format.kept, head_dim);
    const std::size_t bytes = of_keys + value_tile_bytes(format.kept, head_dim);
    memory_.assign(n_tiles * bytes, std::byte{0xff});
    for (std::uint32_t p = 0; p < positions; ++p) {
      std::byte* const tile = memory_.data() + p / tile_slots * bytes;
      const KvTileRow row(format.kept, head_dim, p % tile_slots);
      row.store_key(encoded(key(p), keys), tile);
      row.store_value(encoded(value(p), values), tile, tile + of_keys);
    }
    for (std::uint32_t t = 0; t < n_tiles; ++t) {
      const std::byte* const tile = memory_.data() + t * bytes;
      tiles.push_back({tile, tile + of_keys, t * tile_slots, tile_slots});
    }
  }
  static Context of_random(const KernelTable& kernels, const Format& format, std::uint32_t head_dim,
                           std::uint32_t positions, std::uint32_t tile_slots,
                           std::mt19937& random) {
    const Source source = [&](std::uint32_t) { return random_row(random, head_dim); };
    return {kernels, format, head_dim, positions, tile_slots, source, source};
  }

  std::vector<AttendTile> tiles;
  std::vector<float> keys, values;  // [positions, head_dim]

 private:
  const std::byte* encoded(const std::vector<float>& row, std::vector<float>& decoded) {
    row_.resize(kv_row_bytes(format_.kept, head_dim_));
    decoded.resize(decoded.size() + head_dim_);
    float* const to = decoded.data() + decoded.size() - head_dim_;
    if (format_.kept == KvFormat::wide) {
      kernels_.to_wide(row.data(), head_dim_, row_.data());
      decode_wide(row_.data(), head_dim_, to);
    } else {
      quantize_row(format_.dtype, row.data(), head_dim_, row_.data());
      dequantize_row(format_.dtype, row_.data(), head_dim_, to);
    }
    return row_.data();
  }

  const KernelTable& kernels_;
  const Format& format_;
  std::uint32_t head_dim_;
  std::vector<std::byte> memory_, row_;
};

// Queries that see different numbers of positions, with their 8-bit form where they have one, or
// their wide one.
class Queries {
 public:
  Queries(const KernelTable& kernels, KvFormat format, std::uint32_t n, std::uint32_t head_dim,
          std::uint32_t positions, std::mt19937& random)
      : Queries(kernels, format, random_row(random, std::size_t{n} * head_dim), head_dim,
                positions) {}
  Queries(const KernelTable& kernels, KvFormat format, std::vector<float> all,
          std::uint32_t head_dim, std::uint32_t positions)
      : values(std::move(all)),
        quants_(values.size()),
        scales_(values.size() / 32),
        sums_(values.size() / 32),
        wide_(values.size() / head_dim * kv_row_bytes(KvFormat::wide, head_dim)) {
    const auto n = static_cast<std::uint32_t>(values.size() / head_dim);
    for (std::uint32_t q = 0; q < n; ++q) {
      rows.push_back({values.data() + q * head_dim, nullptr, nullptr, nullptr, nullptr,
                      positions - std::min(positions - 1, q)});
      if (format == KvFormat::wide) {
        std::byte* const wide = &wide_[q * kv_row_bytes(KvFormat::wide, head_dim)];
        kernels.to_wide(rows[q].query, head_dim, wide);
        rows[q].wide = reinterpret_cast<const std::int16_t*>(wide);
        rows[q].scales = reinterpret_cast<const float*>(rows[q].wide + wide_dim(head_dim));
        continue;
      }
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
  std::vector<std::byte> wide_;
};

// Softmax attention, by its definition.
std::vector<double> attention(const Context& context, const AttendRow& row, std::uint32_t dim) {
  std::vector<double> shares(row.length);
  double sum = 0, largest = -std::numeric_limits<double>::infinity();
  for (std::uint32_t p = 0; p < row.length; ++p) {
    double dot = 0;
    for (std::uint32_t i = 0; i < dim; ++i) dot += double{context.keys[p * dim + i]} * row.query[i];
    largest = std::max(largest, shares[p] = dot * kScale);
  }
  for (double& share : shares) sum += share = std::exp(share - largest);
  std::vector<double> out(dim, 0.0);
  for (std::uint32_t p = 0; p < row.length; ++p)
    for (std::uint32_t i = 0; i < dim; ++i) out[i] += shares[p] / sum * context.values[p * dim + i];
  return out;
}

class AttendTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  [[nodiscard]] Format wide() const {
    return {"wide", KvFormat::wide, DType::f16, kernels_.attend_wide, 2e-4};
  }
  [[nodiscard]] std::vector<Format> formats() const {
    std::vector<Format> formats{{"F32", KvFormat::f32, DType::f32, kernels_.attend_f32, 3e-6},
                                {"F16", KvFormat::f16, DType::f16, kernels_.attend_f16, 3e-6},
                                {"Q8_0", KvFormat::q8_0, DType::q8_0, kernels_.attend_q8_0, 1e-2}};
    if (kernels_.attend_wide != nullptr) formats.push_back(wide());
    return formats;
  }

  // All chunks, merged: partial results as attend.hpp says.
  std::vector<float> attend(const Format& format, const Context& context,
                            const std::vector<AttendRow>& rows, std::uint32_t dim) {
    const auto n_rows = static_cast<std::uint32_t>(rows.size());
    const std::size_t floats = attend_partial_floats(n_rows, dim);
    std::vector<float> sum, partial(floats + 1, kGuard);
    const auto n_tiles = static_cast<std::uint32_t>(context.tiles.size());
    const std::uint32_t most = attend_positions(format.kept) / kv_tile_positions(format.kept);
    for (std::uint32_t first = 0; first < n_tiles; first += most) {
      const std::uint32_t n = std::min(most, n_tiles - first);
      format.attend({&context.tiles[first], n, n_tiles - first - n, rows.data(), n_rows, dim,
                     kScale, partial.data()});
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
      for (const std::uint32_t slots : {3u, 16u, kv_tile_positions(format.kept)})
        for (const std::uint32_t positions :
             {1u, 5u, 16u, 100u, 256u, attend_positions(format.kept) + 1, 600u}) {
          const Context context =
              Context::of_random(kernels_, format, dim, positions, slots, random_);
          for (const std::uint32_t n : {1u, 3u, 4u, 9u, 17u}) {
            const Queries queries(kernels_, format.kept, n, dim, positions, random_);
            const auto got = attend(format, context, queries.rows, dim);
            for (std::uint32_t q = 0; q < n; ++q) {
              const auto want = attention(context, queries.rows[q], dim);
              for (std::uint32_t i = 0; i < dim; ++i)
                ASSERT_NEAR(got[q * dim + i] / got[n * (dim + 1) + q], want[i], format.tolerance)
                    << format.name << ' ' << dim << " x " << positions << " in tiles of " << slots
                    << ", query " << q << " of " << n;
            }
          }
        }
    }
}

// Whatever is computed beside a row, its bits are the same.
TEST_P(AttendTest, ARowAloneGetsTheBitsItGetsAmongOthers) {
  constexpr std::uint32_t kDim = 64, kRows = 21;
  for (const Format& format : formats()) {
    const std::uint32_t positions = attend_positions(format.kept) + 14;
    const Context context = Context::of_random(kernels_, format, kDim, positions,
                                               kv_tile_positions(format.kept), random_);
    Queries queries(kernels_, format.kept, kRows, kDim, positions, random_);
    queries.rows[0].length = 1;  // sees nothing of the second chunk
    const auto together = attend(format, context, queries.rows, kDim);
    for (std::uint32_t q = 0; q < kRows; ++q) {
      const auto alone = attend(format, context, {queries.rows[q]}, kDim);
      for (std::uint32_t i = 0; i < kDim; ++i) ASSERT_EQ(alone[i], together[q * kDim + i]);
      ASSERT_EQ(alone[kDim], together[kRows * kDim + q]);
      ASSERT_EQ(alone[kDim + 1], together[kRows * (kDim + 1) + q]);
    }
  }
}

// Integers of 16 bits.
class WideAttendTest : public AttendTest {
 protected:
  void SetUp() override {
    if (kernels_.attend_wide == nullptr) GTEST_SKIP() << "this level multiplies floats as fast";
  }

  // What a position's key, value and a query are made of.
  using Source = Context::Source;
  // Attention of 8 queries over all positions, against the definition over the same data in floats
  // as it came, within `tolerance`.
  void expect_attention(const Source& query, const Source& key, const Source& value,
                        double tolerance) {
    const Format format = wide();
    const Context context(kernels_, format, kDim, kPositions, kWideTile, key, value);
    std::vector<float> all;
    for (std::uint32_t q = 0; q < 8; ++q) {
      const std::vector<float> one = query(q);
      all.insert(all.end(), one.begin(), one.end());
    }
    const Queries queries(kernels_, format.kept, std::move(all), kDim, kPositions);
    const auto got = attend(format, context, queries.rows, kDim);
    Context as_it_came = context;
    as_it_came.keys.clear();
    as_it_came.values.clear();
    for (std::uint32_t p = 0; p < kPositions; ++p) {
      for (const float x : key(p)) as_it_came.keys.push_back(x);
      for (const float x : value(p)) as_it_came.values.push_back(x);
    }
    for (std::uint32_t q = 0; q < 8; ++q) {
      const auto want = attention(as_it_came, queries.rows[q], kDim);
      for (std::uint32_t i = 0; i < kDim; ++i)
        ASSERT_NEAR(got[q * kDim + i] / got[8 * (kDim + 1) + q], want[i], tolerance)
            << "query " << q << ", element " << i;
    }
  }
  static std::vector<float> all(float value) { return std::vector<float>(kDim, value); }

  static constexpr std::uint32_t kDim = 64, kPositions = 300;
};

TEST_P(WideAttendTest, ARowIsNoFurtherFromItsValuesThanHalfAUnit) {
  for (const std::uint32_t dim : {1u, 5u, 16u, 33u, 64u, 128u, 256u})
    for (const float size : {1e-12f, 1e-7f, 1.0f, 6e4f, 1e15f}) {
      std::vector<float> row = random_row(random_, dim);
      double squares = 0;
      for (float& x : row) {
        x *= size;
        squares += double{x} * x;
      }
      std::vector<std::byte> wide(kv_row_bytes(KvFormat::wide, dim) + 1, std::byte{77});
      kernels_.to_wide(row.data(), dim, wide.data());
      EXPECT_EQ(wide.back(), std::byte{77});
      std::vector<float> decoded(dim);
      decode_wide(wide.data(), dim, decoded.data());
      const double unit = std::sqrt(squares) / 32700;
      for (std::uint32_t i = 0; i < dim; ++i)
        ASSERT_NEAR(decoded[i], row[i], 0.5001 * unit) << dim << " elements of " << size;
      for (std::size_t i = dim * 2; i < wide_dim(dim) * 2; ++i) ASSERT_EQ(wide[i], std::byte{0});
    }
}

TEST_P(WideAttendTest, ARowOfZerosOrOfNextToNothingIsZeros) {
  for (const float x : {0.0f, -0.0f, 1e-40f, 1e-20f}) {
    std::vector<std::byte> wide(kv_row_bytes(KvFormat::wide, kDim), std::byte{1});
    kernels_.to_wide(all(x).data(), kDim, wide.data());
    EXPECT_EQ(wide, std::vector<std::byte>(wide.size(), std::byte{0})) << x;
  }
}

TEST_P(WideAttendTest, WhatIsNotANumberStaysSo) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30f}) {
    const Format format = wide();
    const auto good = [](std::uint32_t) { return all(0.5f); };
    const auto one_bad = [&](std::uint32_t p) {
      std::vector<float> row = all(0.5f);
      if (p == 3) row[17] = bad;
      return row;
    };
    const Queries queries(kernels_, format.kept, all(1), kDim, kPositions);
    for (const bool key : {true, false}) {
      const Context context(kernels_, format, kDim, kPositions, kWideTile,
                            key ? one_bad : Source(good), key ? Source(good) : one_bad);
      const std::vector<float> attended = attend(format, context, queries.rows, kDim);
      for (std::uint32_t i = 0; i < kDim; ++i) EXPECT_TRUE(std::isnan(attended[i])) << bad;
    }
  }
}

// Sums as large as they get: everything of one sign, or of alternating ones.
TEST_P(WideAttendTest, NoSumOverflows) {
  for (const float size : {1.0f, 6e4f})
    for (const float sign : {1.0f, -1.0f}) {
      const auto same = [&](std::uint32_t) { return all(sign * size); };
      const auto unit = [&](std::uint32_t) { return all(1 / size); };
      expect_attention(unit, same, same, 2.5e-4 * size);
      const auto turns = [&](std::uint32_t p) { return all(p % 2 == 0 ? size : -size); };
      expect_attention(unit, same, turns, 2.5e-4 * size);
      const auto one_element = [&](std::uint32_t p) {
        std::vector<float> row(kDim, 0.0f);
        row[p % kDim] = sign * size;
        return row;
      };
      expect_attention(unit, same, one_element, 2.5e-4 * size);
      expect_attention([&](std::uint32_t) { return one_element(0); }, one_element, same,
                       2.5e-4 * size);
      // All norm in one element of every position: a tile's sum is 0.997 of 2^31.
      const auto first = [&](std::uint32_t) { return one_element(0); };
      expect_attention(unit, same, first, 2.5e-4 * size);
    }
}

// One position that is far larger than all others: as a key it takes all, as a value it must not
// take the others' bits, which count as much as it where it weighs little.
TEST_P(WideAttendTest, AnOutlierAmongPositions) {
  const auto steady = [](std::uint32_t p) {
    std::mt19937 random(p);
    return random_row(random, kDim);
  };
  for (const std::uint32_t where : {0u, 100u, 290u}) {
    const auto outlier = [&](std::uint32_t p) {
      std::vector<float> row = steady(p);
      for (float& x : row) x *= p == where ? 1000.0f : 1.0f;
      return row;
    };
    const auto queries = [&](std::uint32_t q) { return steady(1000 + q); };
    expect_attention(queries, outlier, steady, 5e-4);
    expect_attention(queries, steady, outlier, 5e-3);  // it adds about 1000 / 300
    // A key that all look at, and a value of nearly nothing: the sink of many models.
    const auto sink_key = [&](std::uint32_t p) { return p == where ? all(2) : steady(p); };
    const auto sink_value = [&](std::uint32_t p) { return p == where ? all(1e-6f) : steady(p); };
    expect_attention([](std::uint32_t) { return all(0.3f); }, sink_key, sink_value, 2e-6);
  }
}

// Largest scores that rise, or fall, from tile to tile by less than what shares may exceed 1, and
// by more: what was weighed before is scaled down with all that came before it.
TEST_P(WideAttendTest, ScoresThatRiseFromTileToTile) {
  const auto steady = [](std::uint32_t p) {
    std::mt19937 random(p);
    return random_row(random, kDim);
  };
  for (const float step : {0.05f, 0.18f, 0.5f, -0.18f}) {
    const auto by_tile = [&](std::uint32_t p) {
      return all(step * static_cast<float>(p / kWideTile));
    };
    expect_attention([](std::uint32_t q) { return all(0.3f + 0.1f * static_cast<float>(q)); },
                     by_tile, steady, 3e-4);
  }
}

TEST_P(WideAttendTest, ZerosAndNextToNothing) {
  const auto zeros = [](std::uint32_t) { return all(0); };
  const auto tiny = [](std::uint32_t) { return all(1e-40f); };
  const auto steady = [](std::uint32_t p) {
    std::mt19937 random(p);
    return random_row(random, kDim);
  };
  for (const Source& nothing : {Source(zeros), Source(tiny)}) {
    expect_attention(nothing, steady, steady, 2e-4);
    expect_attention(steady, nothing, steady, 2e-4);
    expect_attention(steady, steady, nothing, 1e-30);
  }
  expect_attention(
      steady, steady, [](std::uint32_t) { return all(1e-7f); }, 2e-11);
}

INSTANTIATE_TEST_SUITE_P(Levels, WideAttendTest, testing::ValuesIn(machine_levels()),
                         level_test_name);
INSTANTIATE_TEST_SUITE_P(Levels, AttendTest, testing::ValuesIn(machine_levels()), level_test_name);

}  // namespace
}  // namespace synfire::cpu
