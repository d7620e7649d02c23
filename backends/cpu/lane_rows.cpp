#include "backends/cpu/lane_rows.hpp"

#include <cstring>

#include "backends/cpu/kernels/kernel_table.hpp"

namespace synfire::cpu {
namespace {

// One of the equal pieces that a row's bytes are a run of, and where a tile keeps it.
struct Piece {
  std::size_t in_row, in_tile, bytes;
};

// body(piece) for all of row r's.
template <typename Body>
void for_pieces(DType dtype, std::size_t r, std::size_t cols, const Body& body) {
  if (dtype != DType::q8_0 && dtype != DType::q4_0) {
    const std::size_t bytes = row_bytes(dtype, 1);
    for (std::size_t i = 0; i < cols; ++i)
      body(Piece{i * bytes, (i * kTileRows + r) * bytes, bytes});
    return;
  }
  constexpr std::size_t kScale = 2, kFour = 4;
  const std::size_t block_bytes = dtype_info(dtype).block_bytes;
  const std::size_t quant_bytes = block_bytes - kScale;
  const std::size_t together = dtype == DType::q4_0 ? 2 : 1;  // blocks whose scales come first
  for (std::size_t block = 0; block < cols / dtype_info(dtype).block_size; ++block) {
    const std::size_t in_row = block * block_bytes, in_group = block % together;
    const std::size_t scales = (block - in_group) * block_bytes * kTileRows;
    const std::size_t quants =
        scales + (together * kScale + in_group * quant_bytes) * kTileRows + r * kFour;
    body(Piece{in_row, scales + (in_group * kTileRows + r) * kScale, kScale});
    for (std::size_t at = 0; at < quant_bytes; at += kFour)
      body(Piece{in_row + kScale + at, quants + at * kTileRows, kFour});
  }
}

}  // namespace

bool keeps_lanes(DType dtype, std::size_t rows, std::size_t cols) {
  if (rows < kTileRows) return false;
  switch (dtype) {
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::q8_0: return cols <= kUnit;
    case DType::q4_0: return cols % kUnit == 0;
    default: return false;
  }
}

std::size_t lane_tile_bytes(DType dtype, std::size_t cols) {
  return kTileRows * row_bytes(dtype, cols);
}

void pack_lane_tile(DType dtype, const std::byte* rows, std::size_t n_rows, std::size_t cols,
                    std::byte* tile) {
  if (n_rows < kTileRows) std::memset(tile, 0, lane_tile_bytes(dtype, cols));
  const std::size_t stride = row_bytes(dtype, cols);
  for (std::size_t r = 0; r < n_rows; ++r)
    for_pieces(dtype, r, cols, [&](const Piece& piece) {
      std::memcpy(tile + piece.in_tile, rows + r * stride + piece.in_row, piece.bytes);
    });
}

void unpack_lane_row(DType dtype, const std::byte* tile, std::size_t r, std::size_t cols,
                     std::byte* row) {
  for_pieces(dtype, r, cols, [&](const Piece& piece) {
    std::memcpy(row + piece.in_row, tile + piece.in_tile, piece.bytes);
  });
}

}  // namespace synfire::cpu
