#pragma once

#include <cstddef>
#include <cstdint>

#include "plugins/sdk/dtype.hpp"

// How this backend keeps rows of narrow matrices, such as the second factor of a low-rank product.
// A row of 64 elements is so short that adding up its lanes would take longer than its bytes, and
// that units of 256 would be padding for the most part. So here rows are lanes: 16 of them side by
// side are a tile, and every element of x meets them all. A tile has the bytes of its rows in the
// file, in another order:
//
//   F32 F16 BF16   for each column: its elements of 16 rows
//   Q8_0           for each block of 32 columns: 16 x f16 d | for each 4 of its columns: 16 x 4 i8
//
// The last tile of a matrix is filled up with rows of zeros.
namespace synfire::cpu {

// Whether a matrix is kept so: by its shape alone.
bool keeps_lanes(DType dtype, std::size_t rows, std::size_t cols);

// Of kTileRows rows.
std::size_t lane_tile_bytes(DType dtype, std::size_t cols);

// n_rows <= kTileRows rows of a file, `cols` elements each, to lane_tile_bytes() bytes. Any thread.
void pack_lane_tile(DType dtype, const std::byte* rows, std::size_t n_rows, std::size_t cols,
                    std::byte* tile);

// Row r of a tile as it was in the file. Any thread.
void unpack_lane_row(DType dtype, const std::byte* tile, std::size_t r, std::size_t cols,
                     std::byte* row);

}  // namespace synfire::cpu
