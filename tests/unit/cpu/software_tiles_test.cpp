#include "tests/support/tiles_backend/software_tiles-inl.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "backends/cpu/cpu_features.hpp"
#include "backends/cpu/kernels/tiles_amx-inl.hpp"

// Tiles in memory against sums made by hand, and against those of the processor where it has some.
namespace synfire::cpu {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Sums in tile 0: rows x columns; left factors in tile 1, right ones in tile 2, `depth` words deep.
TileConfig config_of(unsigned rows, unsigned columns, unsigned depth) {
  TileConfig config;
  const auto set = [&](int tile, unsigned n_rows, unsigned words) {
    config.rows[tile] = static_cast<std::uint8_t>(n_rows);
    config.row_bytes[tile] = static_cast<std::uint16_t>(words * 4);
  };
  set(0, rows, columns);
  set(1, rows, depth);
  set(2, depth, columns);
  return config;
}

enum class Product { ss, su, us, uu, bf16 };
constexpr Product kProducts[] = {Product::ss, Product::su, Product::us, Product::uu, Product::bf16};

template <typename Tiles>
void multiply(Product product) {
  switch (product) {
    case Product::ss: return Tiles::template multiply_ss<0, 1, 2>();
    case Product::su: return Tiles::template multiply_su<0, 1, 2>();
    case Product::us: return Tiles::template multiply_us<0, 1, 2>();
    case Product::uu: return Tiles::template multiply_uu<0, 1, 2>();
    case Product::bf16: return Tiles::template multiply_bf16<0, 1, 2>();
  }
}

// What is in memory after `sums` += left * right; all at strides of 80 bytes.
constexpr std::size_t kStride = 80;
template <typename Tiles>
Bytes run(const TileConfig& config, Product product, Bytes sums, const Bytes& left,
          const Bytes& right) {
  Tiles::configure(config);
  Tiles::template load<0>(sums.data(), kStride);
  Tiles::template load<1>(left.data(), kStride);
  Tiles::template load<2>(right.data(), kStride);
  multiply<Tiles>(product);
  Tiles::template store<0>(sums.data(), kStride);
  Tiles::release();
  return sums;
}

template <typename T>
Bytes filled(T value) {
  Bytes bytes(16 * kStride);
  for (std::size_t at = 0; at + sizeof value <= bytes.size(); at += sizeof value)
    std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}
template <typename T>
T at(const Bytes& bytes, unsigned row, unsigned column) {
  T value;
  std::memcpy(&value, bytes.data() + row * kStride + column * sizeof value, sizeof value);
  return value;
}
template <typename T>
void put(Bytes& bytes, unsigned row, unsigned column, T value) {
  std::memcpy(bytes.data() + row * kStride + column * sizeof value, &value, sizeof value);
}

TEST(SoftwareTiles, BytesAreSignedAsTheProductSays) {
  const Bytes left = filled<std::uint8_t>(0xff), right = filled<std::uint8_t>(0x80);
  const auto sum = [&](Product product) {
    return at<std::int32_t>(
        run<SoftwareTiles>(config_of(16, 16, 16), product, filled(5), left, right), 15, 15);
  };
  EXPECT_EQ(sum(Product::ss), 5 + 64 * (-1 * -128));
  EXPECT_EQ(sum(Product::su), 5 + 64 * (-1 * 128));
  EXPECT_EQ(sum(Product::us), 5 + 64 * (255 * -128));
  EXPECT_EQ(sum(Product::uu), 5 + 64 * (255 * 128));
}

TEST(SoftwareTiles, EachSumIsOfItsRowAndColumn) {
  Bytes left = filled<std::uint8_t>(0), right = filled<std::uint8_t>(0);
  put<std::int8_t>(left, 3, 4 * 7 + 2, 11);
  put<std::int8_t>(right, 7, 4 * 5 + 2, -13);
  put<std::int8_t>(right, 7, 4 * 5 + 1, 100);  // meets a zero
  const Bytes sums = run<SoftwareTiles>(config_of(16, 16, 16), Product::ss, filled(0), left, right);
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 16; ++column)
      EXPECT_EQ(at<std::int32_t>(sums, row, column), row == 3 && column == 5 ? -143 : 0);
}

TEST(SoftwareTiles, SumsWrapAround) {
  const Bytes ones = filled<std::uint8_t>(1);
  const Bytes sums =
      run<SoftwareTiles>(config_of(1, 1, 1), Product::ss, filled(INT32_MAX), ones, ones);
  EXPECT_EQ(at<std::int32_t>(sums, 0, 0), INT32_MIN + 3);
}

TEST(SoftwareTiles, SmallTilesTouchNothingElse) {
  const Bytes ones = filled<std::uint8_t>(1);
  const Bytes sums = run<SoftwareTiles>(config_of(3, 2, 5), Product::uu, filled(7), ones, ones);
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 20; ++column)
      EXPECT_EQ(at<std::int32_t>(sums, row, column), row < 3 && column < 2 ? 27 : 7);
}

constexpr std::uint16_t kOne = 0x3f80, kTiny = 0x0001, kEpsilon = 0x3380;  // 2^-24

// Even and odd elements each in a chain from 0 on, their sum at last: 2^24 + 1 is no float.
TEST(SoftwareTiles, FloatsAreAddedInTheirOrder) {
  const Bytes left = filled(kOne);
  Bytes right = filled<std::uint16_t>(0);
  put(right, 0, 0, kOne);
  put(right, 1, 0, kEpsilon);  // lost in 1 + 2^-24, even elements
  put(right, 2, 0, kEpsilon);
  put(right, 1, 1, kEpsilon);  // of odd elements both stay
  put(right, 2, 1, kEpsilon);
  const Bytes sums =
      run<SoftwareTiles>(config_of(1, 1, 3), Product::bf16, filled(0.0f), left, right);
  EXPECT_EQ(at<float>(sums, 0, 0), 1 + std::ldexp(1.0f, -23));
}

TEST(SoftwareTiles, DenormalsAreZeros) {
  const auto sum = [](std::uint16_t left, std::uint16_t right, float before) {
    return at<float>(run<SoftwareTiles>(config_of(1, 1, 1), Product::bf16, filled(before),
                                        filled(left), filled(right)),
                     0, 0);
  };
  EXPECT_EQ(sum(kTiny, kOne, 0), 0);                                     // in
  EXPECT_EQ(sum(kOne, 0, std::numeric_limits<float>::denorm_min()), 0);  // in
  EXPECT_EQ(sum(0x0080, 0x3f00, 0), 0);                                  // out
  EXPECT_EQ(sum(0x0080, kOne, 0), std::ldexp(1.0f, -125));               // normal
  EXPECT_TRUE(std::isnan(sum(0x7f80, 0, 0)));                            // inf * 0
}

TEST(SoftwareTiles, WhatAProcessorRefusesIsRefused) {
  const auto refused = [](auto change) {
    TileConfig config = config_of(16, 16, 16);
    change(config);
    EXPECT_THROW(SoftwareTiles::configure(config), std::logic_error);
  };
  refused([](TileConfig& config) { config.palette = 2; });
  refused([](TileConfig& config) { config.reserved[13] = 1; });
  refused([](TileConfig& config) { config.rows[0] = 17; });
  refused([](TileConfig& config) { config.row_bytes[0] = 68; });
  refused([](TileConfig& config) { config.rows[0] = 0; });
  refused([](TileConfig& config) { config.rows[8] = 1; });
  const Bytes zeros(16 * kStride);
  const auto faults = [&](const TileConfig& config) {
    EXPECT_THROW(run<SoftwareTiles>(config, Product::ss, zeros, zeros, zeros), std::logic_error);
    SoftwareTiles::release();
  };
  TileConfig config = config_of(16, 16, 16);
  config.rows[2] = 8;  // left factors are 16 words deep
  faults(config);
  config = config_of(16, 16, 16);
  config.rows[1] = 8;  // of 16 rows of sums
  faults(config);
  config = config_of(16, 16, 16);
  config.row_bytes[2] = 32;  // of 16 columns
  faults(config);
  EXPECT_THROW(SoftwareTiles::zero<0>(), std::logic_error);  // not configured
}

TEST(SoftwareTiles, AThreadHasItsOwn) {
  SoftwareTiles::configure(config_of(16, 16, 16));
  std::thread([] { EXPECT_THROW(SoftwareTiles::zero<0>(), std::logic_error); }).join();
  EXPECT_NO_THROW(SoftwareTiles::zero<0>());
  SoftwareTiles::release();
}

// Any bits as bytes; as floats no NaN, of which a processor may keep another one.
Bytes random_bytes(std::mt19937& random, bool floats) {
  Bytes bytes(16 * kStride);
  for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<std::uint8_t>(random());
  for (std::size_t at = 1; floats && at < bytes.size(); at += 2)
    bytes[at] = static_cast<std::uint8_t>((random() % 2 << 7) | (0x3c + random() % 6));
  return bytes;
}

TEST(AmxTiles, GiveTheBitsOfSoftwareTiles) {
  if (!machine_features().amx) GTEST_SKIP() << "this processor lacks AMX";
  std::mt19937 random(3);
  for (const auto& [rows, columns, depth] :
       {std::tuple{16u, 16u, 16u}, {16u, 16u, 8u}, {16u, 16u, 4u}, {1u, 1u, 1u}, {5u, 7u, 3u}})
    for (const Product product : kProducts)
      for (int repeat = 0; repeat < 20; ++repeat) {
        const TileConfig config = config_of(rows, columns, depth);
        const bool floats = product == Product::bf16;
        const Bytes sums = random_bytes(random, floats), left = random_bytes(random, floats),
                    right = random_bytes(random, floats);
        ASSERT_EQ(run<AmxTiles>(config, product, sums, left, right),
                  run<SoftwareTiles>(config, product, sums, left, right))
            << "product " << static_cast<int>(product) << " of " << rows << " x " << columns
            << ", depth " << depth;
      }
}

// What a kernel leaves must not be there for the next: nor for another thread.
TEST(AmxTiles, ThreadsDoNotMeet) {
  if (!machine_features().amx) GTEST_SKIP() << "this processor lacks AMX";
  std::mt19937 random(4);
  const Bytes sums = random_bytes(random, false), left = random_bytes(random, false),
              right = random_bytes(random, false);
  const TileConfig config = config_of(16, 16, 16);
  const Bytes want = run<SoftwareTiles>(config, Product::ss, sums, left, right);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int repeat = 0; repeat < 200; ++repeat) {
        EXPECT_EQ(run<AmxTiles>(config, Product::ss, sums, left, right), want);
        std::this_thread::yield();
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace synfire::cpu
