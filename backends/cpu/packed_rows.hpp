#pragma once

#include <cstddef>
#include <cstdint>

#include "plugins/sdk/dtype.hpp"

// How this backend keeps rows of weights in memory. The bytes of a blocked dtype are those of the
// file in another order: a row is a run of units of 256 elements, each the scales (and the like) of
// its 8 blocks, then their quants; padded to a cache line. So a row is one stream of memory, read
// from its first byte to its last, and a vector of scales is one load.
//
//   F32 F16 BF16   elements, as in the file
//   Q8_0           8 x f16 d                      | 256 x i8
//   Q4_0           8 x f16 d                      | 128 B of nibbles
//   Q4_1           8 x f16 d, 8 x f16 m           | 128 B of nibbles
//   Q4_K           8 x u8 scale, 8 x u8 minimum, f16 d, f16 dmin | 128 B of nibbles
//   Q5_K           the same                       | 128 B of nibbles, 32 B of 5th bits
//   I8 (signs)     32 B: place p is bit p % 8 of byte p / 8
//   Q6_K           16 x i8 scale (by part, then block), f16 d | 128 B of nibbles, 64 B of bit pairs
//
// Within a unit, elements lie in packed order (packed_place). Nibble byte b holds the elements at
// places 128 (b / 64) + b % 64 (low) and 64 places further (high). Bit pairs: byte b holds the
// places b + 64 i at bits 2 i. 5th bits: place p is bit p % 8 of byte p / 8.
namespace synfire::cpu {

struct PackedFormat {
  std::uint32_t quant_bytes;  // of a unit
  std::uint32_t side_bytes;   // of a unit
};

// {0, 0} for dtypes whose rows stay as they are. I8 rows are bytes of 8 signs (sign_linear): `cols`
// counts bytes here and below, and a unit is 32 of them.
PackedFormat packed_format(DType dtype);

// Of kUnit columns of a row, blocked or not.
std::size_t packed_unit_bytes(DType dtype);

// From row to row; a multiple of 64.
std::size_t packed_stride(DType dtype, std::size_t cols);

// One row of a file, `cols` elements, to packed_stride() bytes. Any thread.
void pack_row(DType dtype, const std::byte* row, std::size_t cols, std::byte* packed);

}  // namespace synfire::cpu
