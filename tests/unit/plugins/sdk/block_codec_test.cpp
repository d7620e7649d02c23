#include "plugins/sdk/block_codec.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

namespace synfire {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}
void append_half(std::vector<std::byte>& bytes, float value) {
  const std::uint16_t half = f32_to_f16(value);
  bytes.push_back(static_cast<std::byte>(half & 255));
  bytes.push_back(static_cast<std::byte>(half >> 8));
}
std::vector<float> decode(DType dtype, const std::vector<std::byte>& row, std::size_t n) {
  std::vector<float> values(n, -1e9f);
  EXPECT_TRUE(dequantize_row(dtype, row.data(), n, values.data()));
  return values;
}
std::vector<float> round_trip(DType dtype, const std::vector<float>& values) {
  std::vector<std::byte> row(row_bytes(dtype, values.size()));
  EXPECT_TRUE(quantize_row(dtype, values.data(), values.size(), row.data()));
  return decode(dtype, row, values.size());
}
std::vector<float> random_values(std::size_t n) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-2, 2);
  std::vector<float> values(n);
  for (float& value : values) value = uniform(random);
  return values;
}

TEST(BlockCodec, F16AndBf16DecodeTheirBits) {
  EXPECT_EQ(decode(DType::f16, bytes_of({0x00, 0x3c, 0x00, 0xc0}), 2), (std::vector<float>{1, -2}));
  EXPECT_EQ(decode(DType::bf16, bytes_of({0x80, 0x3f, 0x00, 0xc0}), 2),
            (std::vector<float>{1, -2}));
}

TEST(BlockCodec, Q8_0IsScaleTimesSignedByte) {
  std::vector<std::byte> row;
  for (const float scale : {0.5f, -2.0f}) {
    append_half(row, scale);
    for (int i = 0; i < 32; ++i) row.push_back(static_cast<std::byte>(i * 8 - 128));
  }
  const std::vector<float> values = decode(DType::q8_0, row, 64);
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(values[i], 0.5f * static_cast<float>(i * 8 - 128));
    EXPECT_EQ(values[32 + i], -2.0f * static_cast<float>(i * 8 - 128));
  }
}

TEST(BlockCodec, Q4_0HasLowNibblesFirst) {
  std::vector<std::byte> row;
  append_half(row, 0.25f);
  for (int i = 0; i < 16; ++i) row.push_back(static_cast<std::byte>(i | (15 - i) << 4));
  const std::vector<float> values = decode(DType::q4_0, row, 32);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(values[i], 0.25f * static_cast<float>(i - 8));
    EXPECT_EQ(values[16 + i], 0.25f * static_cast<float>(15 - i - 8));
  }
}

TEST(BlockCodec, Q4_1AddsItsMinimum) {
  std::vector<std::byte> row;
  append_half(row, 0.5f);
  append_half(row, -3.0f);
  for (int i = 0; i < 16; ++i) row.push_back(static_cast<std::byte>(i | (15 - i) << 4));
  const std::vector<float> values = decode(DType::q4_1, row, 32);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(values[i], 0.5f * static_cast<float>(i) - 3);
    EXPECT_EQ(values[16 + i], 0.5f * static_cast<float>(15 - i) - 3);
  }
}

// One distinct code at a time, all others zero: every element's bits are where they belong.
TEST(BlockCodec, Q6_KFindsEachElementsBits) {
  for (int element = 0; element < 256; ++element) {
    const int half = element / 128, l = element % 32, quarter = element % 128 / 32;
    const int code = 32 + 0x15;  // 6 bits: 11 0101
    std::vector<std::byte> row(210);
    // ql, by the four cases of the layout.
    const int low_index = 64 * half + l + (quarter % 2 == 1 ? 32 : 0);
    row[low_index] = static_cast<std::byte>((code & 15) << (quarter >= 2 ? 4 : 0));
    row[128 + 32 * half + l] = static_cast<std::byte>((code >> 4) << (2 * quarter));
    for (int part = 0; part < 16; ++part)
      row[192 + part] = static_cast<std::byte>(part % 2 == 0 ? part + 1 : -part);
    row[208] = std::byte{0x00};
    row[209] = std::byte{0x3c};  // d = 1
    const std::vector<float> values = decode(DType::q6_k, row, 256);
    for (int i = 0; i < 256; ++i) {
      const int part = i / 16;
      const float scale = static_cast<float>(part % 2 == 0 ? part + 1 : -part);
      EXPECT_EQ(values[i], scale * (i == element ? 0x15 : -32)) << element << ' ' << i;
    }
  }
}

// Half a step of the coarsest code that the values could need.
TEST(BlockCodec, RoundTripStaysWithinHalfAStep) {
  const struct {
    DType dtype;
    float tolerance;
  } cases[] = {{DType::f32, 0},        {DType::f16, 0.0005f},  {DType::bf16, 0.004f},
               {DType::q8_0, 0.0085f}, {DType::q4_0, 0.2501f}, {DType::q4_1, 0.135f},
               {DType::q6_k, 0.04f}};
  const std::vector<float> values = random_values(1024);
  for (const auto& [dtype, tolerance] : cases) {
    const std::vector<float> back = round_trip(dtype, values);
    float worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      worst = std::max(worst, std::fabs(back[i] - values[i]));
    EXPECT_LE(worst, tolerance) << dtype_info(dtype).name;
  }
}

TEST(BlockCodec, ASecondRoundTripChangesNothing) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0}) {
    const std::vector<float> once = round_trip(dtype, random_values(256));
    EXPECT_EQ(round_trip(dtype, once), once) << dtype_info(dtype).name;
  }
}

TEST(BlockCodec, ZerosStayZeros) {
  const std::vector<float> zeros(256, 0.0f);
  for (const DTypeInfo& info : kDTypes) {
    if (!info.is_weight) continue;
    EXPECT_EQ(round_trip(info.dtype, zeros), zeros) << info.name;
  }
}

TEST(BlockCodec, AnyFloatMayBeQuantized) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = random_values(256);
  values[3] = kInfinity;
  values[40] = -kInfinity;
  values[80] = std::numeric_limits<float>::quiet_NaN();
  values[120] = std::numeric_limits<float>::max();
  values[200] = std::numeric_limits<float>::denorm_min();
  for (const DTypeInfo& info : kDTypes)
    if (info.is_weight) round_trip(info.dtype, values);
}

TEST(BlockCodec, IntegersAreNoWeights) {
  float value = 5;
  std::byte bytes[8] = {};
  EXPECT_FALSE(dequantize_row(DType::i32, bytes, 1, &value));
  EXPECT_FALSE(quantize_row(DType::i64, &value, 1, bytes));
  EXPECT_EQ(value, 5);
}

}  // namespace
}  // namespace synfire
