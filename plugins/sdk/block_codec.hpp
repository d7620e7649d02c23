#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "plugins/sdk/dtype.hpp"
#include "plugins/sdk/half.hpp"

// Rows of weights to float and back, one block at a time: what the block layouts of GGUF mean.
//
// A row is n elements, n a multiple of the dtype's block size, at any alignment. Straightforward
// code, the definition that fast kernels are tested against. NaN and infinity survive in F32, F16
// and BF16; in the other dtypes they give some finite or NaN block, never undefined behaviour.
namespace synfire {

namespace block_codec {

inline float load_f16(const std::byte* at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return f16_to_f32(bits);
}
// Returns the value as it was stored: what the decoder will multiply by.
inline float store_f16(float value, std::byte* at) {
  const std::uint16_t bits = f32_to_f16(value);
  std::memcpy(at, &bits, sizeof bits);
  return f16_to_f32(bits);
}
// The value that f16 has for it.
inline float f16(float value) { return f16_to_f32(f32_to_f16(value)); }
inline int unsigned_at(const std::byte* at) { return std::to_integer<int>(*at); }
inline int signed_at(const std::byte* at) { return static_cast<std::int8_t>(*at); }

// The integer nearest to value / step, in [low, high]; `low` for NaN, 0 where the step vanished.
// Without branches, so that compilers make vectors of it: adding 1.5 * 2^23 leaves no bits for a
// fraction and rounds to nearest, ties to even.
inline int nearest(float value, float step, int low, int high) {
  constexpr float kNoFraction = 12582912.0F;
  const float scaled = step == 0 ? 0 : value / step;
  const float above = scaled > static_cast<float>(low) ? scaled : static_cast<float>(low);
  const float within = above < static_cast<float>(high) ? above : static_cast<float>(high);
  return static_cast<int>((within + kNoFraction) - kNoFraction);
}
// Least and greatest of n values, n a multiple of 8: in eight lanes, again for vectors' sake.
struct Extremes {
  float low, high;

  [[nodiscard]] float magnitude() const { return std::max(-low, high); }
};
inline Extremes extremes(const float* values, std::size_t n) {
  float low[8], high[8];
  for (std::size_t k = 0; k < 8; ++k) low[k] = high[k] = values[k];
  for (std::size_t i = 8; i < n; i += 8)
    for (std::size_t k = 0; k < 8; ++k) {
      low[k] = values[i + k] < low[k] ? values[i + k] : low[k];
      high[k] = values[i + k] > high[k] ? values[i + k] : high[k];
    }
  return {*std::min_element(low, low + 8), *std::max_element(high, high + 8)};
}
// The first element of largest magnitude.
inline float first_extreme(const float* values, std::size_t n) {
  const Extremes found = extremes(values, n);
  if (-found.low != found.high) return -found.low > found.high ? found.low : found.high;
  return *std::find_if(values, values + n - 1,
                       [&](float value) { return std::fabs(value) == found.high; });
}

// Nibbles of a block of 32: the low ones are elements 0..15, the high ones 16..31.
inline int nibble(const std::byte* packed, std::size_t element) {
  const int both = unsigned_at(packed + element % 16);
  return element < 16 ? both & 15 : both >> 4;
}
inline void pack_nibbles(const int* codes, std::byte* packed) {
  for (std::size_t i = 0; i < 16; ++i)
    packed[i] = static_cast<std::byte>(codes[i] | codes[i + 16] << 4);
}

// Each dtype: decode(block, values) and encode(values, block). Those with scales have
// encode_with(scales, values, block) too: the nearest codes at scales that somebody else chose.

struct F32 {
  static void decode(const std::byte* block, float* value) { std::memcpy(value, block, 4); }
  static void encode(const float* value, std::byte* block) { std::memcpy(block, value, 4); }
};

struct F16 {
  static void decode(const std::byte* block, float* value) { *value = load_f16(block); }
  static void encode(const float* value, std::byte* block) { store_f16(*value, block); }
};

struct Bf16 {
  static void decode(const std::byte* block, float* value) {
    std::uint16_t bits;
    std::memcpy(&bits, block, sizeof bits);
    *value = bf16_to_f32(bits);
  }
  static void encode(const float* value, std::byte* block) {
    const std::uint16_t bits = f32_to_bf16(*value);
    std::memcpy(block, &bits, sizeof bits);
  }
};

struct Q8_0 {  // f16 d, 32 x i8: value = d * q
  static void decode(const std::byte* block, float* values) {
    const float d = load_f16(block);
    for (std::size_t i = 0; i < 32; ++i)
      values[i] = d * static_cast<float>(signed_at(block + 2 + i));
  }
  static void encode(const float* values, std::byte* block) {
    encode_with(extremes(values, 32).magnitude() / 127, values, block);
  }
  static void encode_with(float scale, const float* values, std::byte* block) {
    const float d = store_f16(scale, block);
    for (std::size_t i = 0; i < 32; ++i)
      block[2 + i] = static_cast<std::byte>(nearest(values[i], d, -127, 127));
  }
};

struct Q4_0 {  // f16 d, 32 x u4: value = d * (q - 8)
  static void decode(const std::byte* block, float* values) {
    const float d = load_f16(block);
    for (std::size_t i = 0; i < 32; ++i)
      values[i] = d * static_cast<float>(nibble(block + 2, i) - 8);
  }
  // The element of largest magnitude becomes -8 exactly, whatever its sign.
  static void encode(const float* values, std::byte* block) {
    encode_with(first_extreme(values, 32) / -8, values, block);
  }
  static void encode_with(float scale, const float* values, std::byte* block) {
    const float d = store_f16(scale, block);
    int codes[32];
    for (std::size_t i = 0; i < 32; ++i) codes[i] = nearest(values[i], d, -8, 7) + 8;
    pack_nibbles(codes, block + 2);
  }
};

struct Q4_1 {  // f16 d, f16 m, 32 x u4: value = d * q + m
  static void decode(const std::byte* block, float* values) {
    const float d = load_f16(block);
    const float m = load_f16(block + 2);
    for (std::size_t i = 0; i < 32; ++i)
      values[i] = d * static_cast<float>(nibble(block + 4, i)) + m;
  }
  static void encode(const float* values, std::byte* block) {
    const auto [low, high] = extremes(values, 32);
    const float d = store_f16((high - low) / 15, block);
    const float m = store_f16(low, block + 2);
    int codes[32];
    for (std::size_t i = 0; i < 32; ++i) codes[i] = nearest(values[i] - m, d, 0, 15);
    pack_nibbles(codes, block + 4);
  }
};

// 256 elements in 8 blocks of 32: f16 d, f16 dmin, 12 B of 6-bit scales and minimums, 32 B of 5th
// bits (kFifth), 128 B of nibbles. value = d * scale[i / 32] * q - dmin * minimum[i / 32].
// Of each 64 elements, 32 bytes hold the first 32 low and the others high; the 5th bit of element i
// is bit i / 32 of byte i % 32. Scales: the low 6 bits of bytes 0..3 are the scales of blocks 0..3,
// those of bytes 4..7 their minimums; of the other four, bytes 8..11 hold the low nibbles (scale
// low, minimum high), and the high bits of bytes 0..7 the rest.
template <bool kFifth>
struct KBlocks {
  static constexpr std::size_t kScales = 4, kBits = 16, kNibbles = kFifth ? 48 : 16;
  static constexpr int kMost = kFifth ? 31 : 15;

  struct Scales {
    float d, dmin;                      // as f16 has them
    int step[8] = {}, minimum[8] = {};  // 6 bits each
  };

  static int scale(const std::byte* packed, std::size_t block) {
    if (block < 4) return unsigned_at(packed + block) & 63;
    return (unsigned_at(packed + block + 4) & 15) | unsigned_at(packed + block - 4) >> 6 << 4;
  }
  static int minimum(const std::byte* packed, std::size_t block) {
    if (block < 4) return unsigned_at(packed + block + 4) & 63;
    return unsigned_at(packed + block + 4) >> 4 | unsigned_at(packed + block) >> 6 << 4;
  }
  // Into 12 bytes that are zero.
  static void set(std::byte* packed, std::size_t block, int scale, int minimum) {
    if (block < 4) {
      packed[block] |= static_cast<std::byte>(scale);
      packed[block + 4] |= static_cast<std::byte>(minimum);
      return;
    }
    packed[block + 4] |= static_cast<std::byte>((scale & 15) | (minimum & 15) << 4);
    packed[block - 4] |= static_cast<std::byte>(scale >> 4 << 6);
    packed[block] |= static_cast<std::byte>(minimum >> 4 << 6);
  }
  static std::size_t nibble_byte(std::size_t i) { return kNibbles + i / 64 * 32 + i % 32; }
  static int nibble_shift(std::size_t i) { return i % 64 < 32 ? 0 : 4; }

  static void decode(const std::byte* block, float* values) {
    const float d = load_f16(block);
    const float dmin = load_f16(block + 2);
    for (std::size_t i = 0; i < 256; ++i) {
      int q = unsigned_at(block + nibble_byte(i)) >> nibble_shift(i) & 15;
      if constexpr (kFifth)
        q |= (unsigned_at(block + kBits + i % 32) >> static_cast<int>(i / 32) & 1) << 4;
      const float step = d * static_cast<float>(scale(block + kScales, i / 32));
      values[i] = step * static_cast<float>(q) -
                  dmin * static_cast<float>(minimum(block + kScales, i / 32));
    }
  }
  static void encode(const float* values, std::byte* block) {
    float steps[8], minimums[8];
    for (std::size_t b = 0; b < 8; ++b) {
      const auto [low, high] = std::minmax_element(values + b * 32, values + b * 32 + 32);
      minimums[b] = std::max(-*low, 0.0f);
      steps[b] = std::max(*high + minimums[b], 0.0f) / static_cast<float>(kMost);
    }
    Scales scales{f16(extremes(steps, 8).magnitude() / 63),
                  f16(extremes(minimums, 8).magnitude() / 63)};
    for (std::size_t b = 0; b < 8; ++b) {
      scales.step[b] = nearest(steps[b], scales.d, 0, 63);
      scales.minimum[b] = nearest(minimums[b], scales.dmin, 0, 63);
    }
    encode_with(scales, values, block);
  }
  static void encode_with(const Scales& scales, const float* values, std::byte* block) {
    std::memset(block, 0, kNibbles + 128);
    const float d = store_f16(scales.d, block);
    const float dmin = store_f16(scales.dmin, block + 2);
    for (std::size_t b = 0; b < 8; ++b) set(block + kScales, b, scales.step[b], scales.minimum[b]);
    for (std::size_t i = 0; i < 256; ++i) {
      const float step = d * static_cast<float>(scales.step[i / 32]);
      const float low = dmin * static_cast<float>(scales.minimum[i / 32]);
      const int q = nearest(values[i] + low, step, 0, kMost);
      block[nibble_byte(i)] |= static_cast<std::byte>((q & 15) << nibble_shift(i));
      if constexpr (kFifth)
        block[kBits + i % 32] |= static_cast<std::byte>(q >> 4 << static_cast<int>(i / 32));
    }
  }
};
using Q4_K = KBlocks<false>;
using Q5_K = KBlocks<true>;

// 256 elements: 128 B of low nibbles, 64 B of high bit pairs, 16 x i8 scales, f16 d.
// value = d * scale[i / 16] * (q - 32), q of 6 bits. Each half of 128 elements is 4 quarters of 32:
// quarters 0 and 1 are the low nibbles of the half's bytes, 2 and 3 the high ones.
struct Q6_K {
  static constexpr std::size_t kHigh = 128, kScales = 192, kD = 208;

  struct Scales {
    float d;            // as f16 has it
    int step[16] = {};  // 8 bits with sign
  };

  static std::size_t low_byte(std::size_t i) { return i / 128 * 64 + i % 64; }
  static int low_shift(std::size_t i) { return i % 128 < 64 ? 0 : 4; }
  static std::size_t high_byte(std::size_t i) { return kHigh + i / 128 * 32 + i % 32; }
  static int high_shift(std::size_t i) { return static_cast<int>(i % 128 / 32 * 2); }

  static void decode(const std::byte* block, float* values) {
    const float d = load_f16(block + kD);
    for (std::size_t i = 0; i < 256; ++i) {
      const int low = unsigned_at(block + low_byte(i)) >> low_shift(i) & 15;
      const int high = unsigned_at(block + high_byte(i)) >> high_shift(i) & 3;
      const float scale = d * static_cast<float>(signed_at(block + kScales + i / 16));
      values[i] = scale * static_cast<float>((low | high << 4) - 32);
    }
  }
  // The 128 codes of a half.
  static void pack_half(const int* codes, std::size_t half, std::byte* block) {
    std::byte* const low = block + half * 64;
    std::byte* const high = block + kHigh + half * 32;
    for (std::size_t i = 0; i < 64; ++i)
      low[i] = static_cast<std::byte>((codes[i] & 15) | (codes[i + 64] & 15) << 4);
    for (std::size_t i = 0; i < 32; ++i)
      high[i] = static_cast<std::byte>(codes[i] >> 4 | codes[i + 32] >> 4 << 2 |
                                       codes[i + 64] >> 4 << 4 | codes[i + 96] >> 4 << 6);
  }
  static void encode(const float* values, std::byte* block) {
    Scales scales{f16(extremes(values, 256).magnitude() / (31 * 127))};
    for (std::size_t part = 0; part < 16; ++part)
      scales.step[part] =
          nearest(extremes(values + part * 16, 16).magnitude() / 31, scales.d, 0, 127);
    encode_with(scales, values, block);
  }
  static void encode_with(const Scales& scales, const float* values, std::byte* block) {
    const float d = store_f16(scales.d, block + kD);
    int codes[256];
    for (std::size_t part = 0; part < 16; ++part) {
      block[kScales + part] = static_cast<std::byte>(scales.step[part]);
      const float scale = d * static_cast<float>(scales.step[part]);
      for (std::size_t i = part * 16; i < part * 16 + 16; ++i)
        codes[i] = nearest(values[i], scale, -32, 31) + 32;
    }
    for (std::size_t half = 0; half < 2; ++half) pack_half(codes + half * 128, half, block);
  }
};

// Calls visit(Codec{}) with the codec of a weight dtype; false for a dtype that is no weight's.
template <typename Visit>
bool with_codec(DType dtype, const Visit& visit) {
  switch (dtype) {
    case DType::f32: visit(F32{}); return true;
    case DType::f16: visit(F16{}); return true;
    case DType::bf16: visit(Bf16{}); return true;
    case DType::q8_0: visit(Q8_0{}); return true;
    case DType::q4_0: visit(Q4_0{}); return true;
    case DType::q4_1: visit(Q4_1{}); return true;
    case DType::q4_k: visit(Q4_K{}); return true;
    case DType::q5_k: visit(Q5_K{}); return true;
    case DType::q6_k: visit(Q6_K{}); return true;
    default: return false;
  }
}

}  // namespace block_codec

// False (and nothing written) for a dtype that is no weight's; see dtype_info().is_weight.
inline bool dequantize_row(DType dtype, const std::byte* row, std::size_t n, float* values) {
  const DTypeInfo& info = dtype_info(dtype);
  return block_codec::with_codec(dtype, [&](auto codec) {
    for (std::size_t i = 0; i < n; i += info.block_size, row += info.block_bytes)
      codec.decode(row, values + i);
  });
}

// Likewise. Rounds to nearest with the scale as stored.
inline bool quantize_row(DType dtype, const float* values, std::size_t n, std::byte* row) {
  const DTypeInfo& info = dtype_info(dtype);
  return block_codec::with_codec(dtype, [&](auto codec) {
    for (std::size_t i = 0; i < n; i += info.block_size, row += info.block_bytes)
      codec.encode(values + i, row);
  });
}

}  // namespace synfire
