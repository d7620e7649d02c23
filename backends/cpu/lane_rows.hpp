#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "plugins/sdk/dtype.hpp"

// Rows that are lanes: 16 of them side by side are a tile, and every element of x meets them all,
// so that no sum goes over lanes. A tile has the bytes of its rows in the file, in another order:
//
//   F32 F16 BF16   for each column: its elements of 16 rows
//   Q8_0           for each block of 32 columns: 16 x f16 d | for each 4 of its columns: 16 x 4 i8
//   Q4_0           for each 2 blocks of 32 columns: 16 x f16 d of each | of each block, for each 4
//                  of its first 16 columns: 16 x 4 B of nibbles, those 4 low and the 4 columns that
//                  are 16 further high
//
// The last tile of a matrix is filled up with rows of zeros.
//
// Narrow matrices are kept so, such as the second factor of a low-rank product: a row of 64
// elements is so short that adding up its lanes would take longer than its bytes, and that units of
// 256 would be padding for the most part. So are Q4_0 matrices of whole units, however wide: from
// packed rows a core makes their dots no faster than memory brings them; and wide ones of half
// floats and Q8_0. All this where the level has kernels for it (RowKernels::dot_lanes, long_lanes).
namespace synfire::cpu {

// Whether a matrix is kept so: by its shape, and by whether the level has kernels for any rows that
// are lanes, and for long ones.
bool keeps_lanes(const KernelTable& kernels, DType dtype, std::size_t rows, std::size_t cols);

// Of kTileRows rows.
std::size_t lane_tile_bytes(DType dtype, std::size_t cols);

// n_rows <= kTileRows rows of a file, `cols` elements each, to lane_tile_bytes() bytes. Any thread.
void pack_lane_tile(DType dtype, const std::byte* rows, std::size_t n_rows, std::size_t cols,
                    std::byte* tile);

// Row r of a tile as it was in the file. Any thread.
void unpack_lane_row(DType dtype, const std::byte* tile, std::size_t r, std::size_t cols,
                     std::byte* row);

}  // namespace synfire::cpu
