// A product goes through two copies in the order of their use: a block of b that the last cache
// holds, as panels of kTileCols columns, and a block of a that the second one holds, as panels of
// kTileRows rows. A tile of the sum stays in registers over the block's depth (Goto and van de
// Geijn, "Anatomy of high-performance matrix multiplication", 2008).
#include "core/sparsity/matrix_product.hpp"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <vector>

#define SYNFIRE_FMA __attribute__((target("avx2,fma")))

namespace synfire {
namespace {

constexpr std::size_t kTileRows = 6, kTileCols = 16;  // 12 sums of 8 lanes
constexpr std::size_t kDepth = 256;
constexpr std::size_t kBlockRows = 16 * kTileRows;
constexpr std::size_t kBlockCols = 64 * kTileCols;

// sum [kTileRows, kTileCols] += a panel of a times a panel of b.
using AddTile = void (*)(std::size_t depth, const float* a, const float* b, float* sum,
                         std::size_t stride);

void add_tile(std::size_t depth, const float* a, const float* b, float* sum, std::size_t stride) {
  std::array<std::array<float, kTileCols>, kTileRows> tile{};
  for (std::size_t k = 0; k < depth; ++k)
    for (std::size_t r = 0; r < kTileRows; ++r)
      for (std::size_t c = 0; c < kTileCols; ++c)
        tile[r][c] += a[k * kTileRows + r] * b[k * kTileCols + c];
  for (std::size_t r = 0; r < kTileRows; ++r)
    for (std::size_t c = 0; c < kTileCols; ++c) sum[r * stride + c] += tile[r][c];
}

SYNFIRE_FMA void add_tile_fma(std::size_t depth, const float* a, const float* b, float* sum,
                              std::size_t stride) {
  __m256 left[kTileRows], right[kTileRows];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kTileRows; ++r) left[r] = right[r] = _mm256_setzero_ps();
  for (std::size_t k = 0; k < depth; ++k, a += kTileRows, b += kTileCols) {
    const __m256 b_left = _mm256_loadu_ps(b), b_right = _mm256_loadu_ps(b + 8);
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const __m256 element = _mm256_broadcast_ss(a + r);
      left[r] = _mm256_fmadd_ps(element, b_left, left[r]);
      right[r] = _mm256_fmadd_ps(element, b_right, right[r]);
    }
  }
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kTileRows; ++r, sum += stride) {
    _mm256_storeu_ps(sum, _mm256_add_ps(_mm256_loadu_ps(sum), left[r]));
    _mm256_storeu_ps(sum + 8, _mm256_add_ps(_mm256_loadu_ps(sum + 8), right[r]));
  }
}

AddTile best_add_tile() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? add_tile_fma : add_tile;
}

// Lanes of a matrix side by side, `Width` at a time, depth outermost; what is over is zero. A lane
// is a row, and depth goes along columns.
template <std::size_t Width>
void pack(const MatrixView& from, std::vector<float>& to) {
  const std::size_t depth = from.cols;
  to.resize((from.rows + Width - 1) / Width * Width * depth);
  float* panel = to.data();
  for (std::size_t first = 0; first < from.rows; first += Width, panel += Width * depth) {
    const std::size_t n = std::min(Width, from.rows - first);
    const float* const data = from.data + first * from.row_stride;
    if (n < Width) std::fill_n(panel, Width * depth, 0.0F);
    if (from.row_stride == 1 && n == Width) {  // of a length that the compiler knows
      for (std::size_t k = 0; k < depth; ++k)
        std::copy_n(data + k * from.col_stride, Width, panel + k * Width);
    } else {
      for (std::size_t lane = 0; lane < n; ++lane)
        for (std::size_t k = 0; k < depth; ++k)
          panel[k * Width + lane] = data[lane * from.row_stride + k * from.col_stride];
    }
  }
}

class Product {
 public:
  // `lower`: only what is not wholly over the diagonal of the sum.
  Product(const MatrixView& a, const MatrixView& b, float* sum, bool lower = false)
      : a_(a), b_(b), sum_(sum), lower_(lower) {}

  void run() {
    for (std::size_t col = 0; col < b_.cols; col += kBlockCols)
      for (std::size_t k = 0; k < a_.cols; k += kDepth) {
        depth_ = std::min(kDepth, a_.cols - k);
        const MatrixView b =
            b_.some_rows(k, depth_).some_cols(col, std::min(kBlockCols, b_.cols - col));
        pack<kTileCols>(b.transposed(), packed_b_);
        for (std::size_t row = 0; row < a_.rows; row += kBlockRows) {
          const std::size_t n = std::min(kBlockRows, a_.rows - row);
          if (lower_ && col >= row + n) continue;
          pack<kTileRows>(a_.some_rows(row, n).some_cols(k, depth_), packed_a_);
          add_block(row, n, col, b.cols);
        }
      }
  }

 private:
  void add_block(std::size_t row, std::size_t n_rows, std::size_t col, std::size_t n_cols) {
    for (std::size_t c = 0; c < n_cols; c += kTileCols)
      for (std::size_t r = 0; r < n_rows; r += kTileRows) {
        if (lower_ && col + c >= row + r + kTileRows) continue;
        add(packed_a_.data() + r * depth_, packed_b_.data() + c * depth_, row + r, col + c,
            std::min(kTileRows, n_rows - r), std::min(kTileCols, n_cols - c));
      }
  }

  void add(const float* a, const float* b, std::size_t row, std::size_t col, std::size_t n_rows,
           std::size_t n_cols) {
    float* const to = sum_ + row * b_.cols + col;
    if (n_rows == kTileRows && n_cols == kTileCols) return add_tile_(depth_, a, b, to, b_.cols);
    std::array<float, kTileRows * kTileCols> tile{};
    add_tile_(depth_, a, b, tile.data(), kTileCols);
    for (std::size_t r = 0; r < n_rows; ++r)
      for (std::size_t c = 0; c < n_cols; ++c) to[r * b_.cols + c] += tile[r * kTileCols + c];
  }

  const MatrixView a_, b_;
  float* const sum_;
  const bool lower_;
  const AddTile add_tile_ = best_add_tile();
  std::size_t depth_ = 0;  // of the block
  std::vector<float> packed_a_, packed_b_;
};

}  // namespace

void add_product(const MatrixView& a, const MatrixView& b, float* sum) { Product(a, b, sum).run(); }

void add_gram(std::span<const float> x, std::size_t cols, float* sum) {
  const MatrixView rows = MatrixView::of(x, cols);
  Product(rows.transposed(), rows, sum, true).run();
}

}  // namespace synfire
