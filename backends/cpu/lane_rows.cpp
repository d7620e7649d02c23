#include "backends/cpu/lane_rows.hpp"

#include <emmintrin.h>

#include <cstring>

#include "backends/cpu/ops/row_dots.hpp"

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

// Elements of 2 bytes that are turned at once: so many columns of as many rows.
constexpr std::size_t kTurned = 8;

// to[c * kTileRows + r] = from[r * stride + c]. In bytes: stride.
void turn_halves(const std::byte* from, std::size_t stride, std::byte* to) {
  __m128i a[kTurned], b[kTurned];
  const auto at = [](std::byte* where) { return reinterpret_cast<__m128i*>(where); };
  for (std::size_t r = 0; r < kTurned; ++r)
    a[r] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + r * stride));
  for (std::size_t r = 0; r < kTurned; r += 2) {  // pairs of rows
    b[r] = _mm_unpacklo_epi16(a[r], a[r + 1]);
    b[r + 1] = _mm_unpackhi_epi16(a[r], a[r + 1]);
  }
  for (std::size_t r = 0; r < kTurned; r += 4)  // fours
    for (std::size_t i = 0; i < 2; ++i) {
      a[r + 2 * i] = _mm_unpacklo_epi32(b[r + i], b[r + 2 + i]);
      a[r + 2 * i + 1] = _mm_unpackhi_epi32(b[r + i], b[r + 2 + i]);
    }
  for (std::size_t i = 0; i < 4; ++i) {
    std::byte* const column = to + 2 * i * kTileRows * 2;
    _mm_storeu_si128(at(column), _mm_unpacklo_epi64(a[i], a[4 + i]));
    _mm_storeu_si128(at(column + kTileRows * 2), _mm_unpackhi_epi64(a[i], a[4 + i]));
  }
}

// As pack_lane_tile, for a whole tile of elements of 2 bytes.
void pack_halves(const std::byte* rows, std::size_t cols, std::byte* tile) {
  const std::size_t stride = 2 * cols;
  for (std::size_t c = 0; c < cols; c += kTurned)
    for (std::size_t r = 0; r < kTileRows; r += kTurned)
      turn_halves(rows + r * stride + 2 * c, stride, tile + (c * kTileRows + r) * 2);
}

bool suits_lanes(DType dtype, std::size_t cols) {
  switch (dtype) {
    case DType::f32: return cols <= kUnit;
    case DType::q8_0: return cols <= kUnit || cols % kUnit == 0;
    case DType::f16:
    case DType::bf16: return cols <= kUnit || cols % kHalfStep == 0;
    case DType::q4_0: return cols % kUnit == 0;
    default: return false;
  }
}

}  // namespace

bool keeps_lanes(const KernelTable& kernels, DType dtype, std::size_t rows, std::size_t cols) {
  if (rows < kTileRows || !suits_lanes(dtype, cols)) return false;
  const RowKernels& of_dtype = row_kernels(kernels, dtype);
  return of_dtype.dot_lanes != nullptr && (cols <= kUnit || of_dtype.long_lanes);
}

std::size_t lane_tile_bytes(DType dtype, std::size_t cols) {
  return kTileRows * row_bytes(dtype, cols);
}

void pack_lane_tile(DType dtype, const std::byte* rows, std::size_t n_rows, std::size_t cols,
                    std::byte* tile) {
  const bool halves = dtype == DType::f16 || dtype == DType::bf16;
  if (halves && n_rows == kTileRows && cols % kTurned == 0) return pack_halves(rows, cols, tile);
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
