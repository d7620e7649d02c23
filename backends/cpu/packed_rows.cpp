#include "backends/cpu/packed_rows.hpp"

#include <algorithm>
#include <cstring>

#include "backends/cpu/kernels/activations.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kBlocks = 8;  // of a unit
constexpr std::uint32_t kLowNibbles = 0x0f0f0f0f;

std::uint32_t load32(const std::byte* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
void store32(std::uint32_t value, std::byte* to) { std::memcpy(to, &value, sizeof value); }

// A block's 16 bytes of nibbles, element i low and element i + 16 high, to a unit's nibbles.
void place_nibbles(const std::byte* from, std::uint32_t block, std::byte* unit) {
  std::uint32_t fours[4];
  for (std::uint32_t i = 0; i < 4; ++i) fours[i] = load32(from + 4 * i);
  for (std::uint32_t i = 0; i < 2; ++i) {
    std::byte* const to = unit + 32 * i + 4 * block;
    store32((fours[i] & kLowNibbles) | (fours[i + 2] & kLowNibbles) << 4, to);
    store32((fours[i] >> 4 & kLowNibbles) | (fours[i + 2] & ~kLowNibbles), to + 64);
  }
}

void place_quants(const std::byte* from, std::uint32_t block, std::byte* unit) {
  for (std::uint32_t i = 0; i < 8; ++i) std::memcpy(unit + 32 * i + 4 * block, from + 4 * i, 4);
}

// Codes of a unit in elements' order, to nibbles.
void pack_nibbles(const std::uint8_t* codes, std::byte* quants) {
  std::uint8_t places[kUnit];
  for (std::uint32_t i = 0; i < kUnit; ++i) places[packed_place(i)] = codes[i];
  for (std::uint32_t b = 0; b < kUnit / 2; ++b) {
    const std::uint32_t low = b / 64 * 128 + b % 64;
    quants[b] = static_cast<std::byte>((places[low] & 15) | (places[low + 64] & 15) << 4);
  }
}

// Superblocks of 256 are units: `quants` and `side` are one unit's.

// 6-bit scales and minimums of 8 blocks in 12 bytes: of the first four, 6 low bits of bytes 0..3
// and 4..7; of the others, nibbles of bytes 8..11 and the two high bits of the first eight.
void unpack_k_scales(const std::byte* packed, std::byte* scales, std::byte* minimums) {
  const auto at = [&](std::uint32_t i) { return std::to_integer<std::uint32_t>(packed[i]); };
  for (std::uint32_t i = 0; i < 4; ++i) {
    scales[i] = static_cast<std::byte>(at(i) & 63);
    minimums[i] = static_cast<std::byte>(at(i + 4) & 63);
    scales[i + 4] = static_cast<std::byte>((at(i + 8) & 15) | at(i) >> 6 << 4);
    minimums[i + 4] = static_cast<std::byte>(at(i + 8) >> 4 | at(i + 4) >> 6 << 4);
  }
}

// Q4_K and Q5_K: f16 d, f16 dmin, 12 B of scales, (32 B of 5th bits,) 128 B of nibbles: of each 64
// elements, 32 bytes hold the first 32 low and the others high.
void pack_k_unit(const std::byte* block, bool fifth, std::byte* quants, std::byte* side) {
  const std::byte* const high = block + 16;
  const std::byte* const low = block + (fifth ? 48 : 16);
  std::uint8_t codes[kUnit];
  for (std::uint32_t i = 0; i < kUnit; ++i) {
    const auto both = std::to_integer<std::uint32_t>(low[i / 64 * 32 + i % 32]);
    codes[i] = static_cast<std::uint8_t>(i % 64 < 32 ? both & 15 : both >> 4);
  }
  pack_nibbles(codes, quants);
  if (fifth) {
    std::byte* const bits = quants + 128;
    std::memset(bits, 0, 32);
    for (std::uint32_t i = 0; i < kUnit; ++i) {
      const std::uint32_t bit = std::to_integer<std::uint32_t>(high[i % 32]) >> i / 32 & 1;
      const std::uint32_t place = packed_place(i);
      bits[place / 8] |= static_cast<std::byte>(bit << place % 8);
    }
  }
  unpack_k_scales(block + 4, side, side + 8);
  std::memcpy(side + 16, block, 4);  // d, dmin
}

// Q6_K: see block_codec.hpp.
void pack_q6_k_unit(const std::byte* block, std::byte* quants, std::byte* side) {
  std::uint8_t codes[kUnit];
  std::byte* const pairs = quants + 128;
  std::memset(pairs, 0, 64);
  for (std::uint32_t i = 0; i < kUnit; ++i) {
    const auto both = std::to_integer<std::uint32_t>(block[i / 128 * 64 + i % 64]);
    codes[i] = static_cast<std::uint8_t>(i % 128 < 64 ? both & 15 : both >> 4);
    const auto high = std::to_integer<std::uint32_t>(block[128 + i / 128 * 32 + i % 32]);
    const std::uint32_t place = packed_place(i);
    pairs[place % 64] |= static_cast<std::byte>((high >> i % 128 / 32 * 2 & 3) << place / 64 * 2);
  }
  pack_nibbles(codes, quants);
  for (std::uint32_t i = 0; i < 16; ++i) side[i % 2 * 8 + i / 2] = block[192 + i];
  std::memcpy(side + 16, block + 208, 2);
}

// Signs, bit i % 8 of byte i / 8 for element i; `n` bytes of the unit, the rest is zeros.
void pack_signs(const std::byte* bytes, std::size_t n, std::byte* quants) {
  std::memset(quants, 0, kUnit / 8);
  for (std::uint32_t i = 0; i < n * 8; ++i) {
    const std::uint32_t bit = std::to_integer<std::uint32_t>(bytes[i / 8]) >> i % 8 & 1;
    const std::uint32_t place = packed_place(i);
    quants[place / 8] |= static_cast<std::byte>(bit << place % 8);
  }
}

// Formats of blocks of 32: `n` blocks of the unit, the rest is zeros.
void pack_blocks(DType dtype, const std::byte* blocks, std::uint32_t n, std::byte* quants,
                 std::byte* side) {
  const std::size_t block_bytes = dtype_info(dtype).block_bytes;
  for (std::uint32_t block = 0; block < n; ++block) {
    const std::byte* const from = blocks + block * block_bytes;
    std::memcpy(side + 2 * block, from, 2);
    switch (dtype) {
      case DType::q8_0: place_quants(from + 2, block, quants); break;
      case DType::q4_1:
        std::memcpy(side + 16 + 2 * block, from + 2, 2);
        place_nibbles(from + 4, block, quants);
        break;
      default: place_nibbles(from + 2, block, quants); break;
    }
  }
}

// Of the file's row; for I8, bytes of signs.
std::size_t columns_of_unit(DType dtype) { return dtype == DType::i8 ? kUnit / 8 : kUnit; }
std::size_t n_units(DType dtype, std::size_t cols) {
  return (cols + columns_of_unit(dtype) - 1) / columns_of_unit(dtype);
}

}  // namespace

PackedFormat packed_format(DType dtype) {
  switch (dtype) {
    case DType::i8: return {kUnit / 8, 0};
    case DType::q8_0: return {256, 16};
    case DType::q4_0: return {128, 16};
    case DType::q4_1: return {128, 32};
    case DType::q4_k: return {128, 20};
    case DType::q5_k: return {160, 20};
    case DType::q6_k: return {192, 18};
    default: return {0, 0};
  }
}

std::size_t packed_unit_bytes(DType dtype) {
  const PackedFormat format = packed_format(dtype);
  return format.quant_bytes == 0 ? row_bytes(dtype, kUnit) : format.quant_bytes + format.side_bytes;
}

std::size_t packed_stride(DType dtype, std::size_t cols) {
  const PackedFormat format = packed_format(dtype);
  const std::size_t bytes = format.quant_bytes == 0
                                ? row_bytes(dtype, cols)
                                : n_units(dtype, cols) * (format.quant_bytes + format.side_bytes);
  return (bytes + 63) / 64 * 64;
}

void pack_row(DType dtype, const std::byte* row, std::size_t cols, std::byte* packed) {
  const PackedFormat format = packed_format(dtype);
  if (format.quant_bytes == 0) {
    std::memcpy(packed, row, row_bytes(dtype, cols));
    return;
  }
  const std::size_t units = n_units(dtype, cols);
  const std::size_t per_unit = columns_of_unit(dtype);
  const std::size_t unit_bytes = row_bytes(dtype, per_unit);
  for (std::size_t unit = 0; unit < units; ++unit) {
    std::byte* const side = packed;
    std::byte* const quants = side + format.side_bytes;
    const auto left = static_cast<std::uint32_t>(std::min(cols - unit * per_unit, per_unit));
    if (left < per_unit) {
      std::memset(quants, 0, format.quant_bytes);
      std::memset(side, 0, format.side_bytes);
    }
    switch (dtype) {
      case DType::i8: pack_signs(row, left, quants); break;
      case DType::q4_k: pack_k_unit(row, false, quants, side); break;
      case DType::q5_k: pack_k_unit(row, true, quants, side); break;
      case DType::q6_k: pack_q6_k_unit(row, quants, side); break;
      default: pack_blocks(dtype, row, left / (kUnit / kBlocks), quants, side);
    }
    row += unit_bytes;
    packed += format.side_bytes + format.quant_bytes;
  }
}

}  // namespace synfire::cpu
