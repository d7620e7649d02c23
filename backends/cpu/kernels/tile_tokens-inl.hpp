// What the tile kernels share. Included by the avx512 level only.
//
// A tile product is 16 rows of weights (the left factor) times 16 tokens (the right one): its sums
// have a row for each row and a column for each token.
#pragma once

#include "backends/cpu/kernels/tile_config.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kTileTokens = kWideTokens;
static_assert(kTileRows == 16 && kTileTokens == 16 && kLanes == 16);
constexpr std::size_t kTileRowBytes = 64;
constexpr std::size_t kTileBytes = kTileRows * kTileRowBytes;
constexpr std::size_t kTileSums = std::size_t{kTileRows} * kTileTokens;

// All tiles as large as there are.
constexpr TileConfig kFullConfig = [] {
  TileConfig config;
  for (int tile = 0; tile < 8; ++tile) {
    config.rows[tile] = kTileRows;
    config.row_bytes[tile] = kTileRowBytes;
  }
  return config;
}();

// Tiles are configured while one lives: by whoever computes, for one call.
template <typename Tiles>
class TileSession {
 public:
  HWY_INLINE explicit TileSession(const TileConfig& config) { Tiles::configure(config); }
  HWY_INLINE ~TileSession() { Tiles::release(); }
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;
};

// The first of some tokens that lie in one block of kTileTokens.
HWY_INLINE std::uint32_t count_in_block(const std::uint32_t* tokens, std::uint32_t n) {
  std::uint32_t count = 1;
  while (count < n && tokens[count] / kTileTokens == tokens[0] / kTileTokens) ++count;
  return count;
}

// Whether at least half of the products that whole tiles make are asked for.
HWY_INLINE bool fills_tiles(std::uint32_t n_rows, const std::uint32_t* tokens, std::uint32_t n) {
  std::uint32_t blocks = 0;
  for (std::uint32_t t = 0; t < n; t += count_in_block(tokens + t, n - t)) ++blocks;
  return 2 * n_rows * n >= kTileRows * kTileTokens * blocks;
}

// values[i] lane j to values[j] lane i.
HWY_INLINE void transpose(__m512 (&values)[16]) {
  __m512 pairs[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(values[i], values[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_ps(values[i], values[i + 1]);
  }
  // fours[4 g + c]: lane 4 q + i is values[4 g + i] lane 4 q + c.
  __m512 fours[16];
#pragma GCC unroll 4
  for (int g = 0; g < 16; g += 4)
#pragma GCC unroll 2
    for (int high = 0; high < 2; ++high) {
      const __m512d a = _mm512_castps_pd(pairs[g + high]),
                    b = _mm512_castps_pd(pairs[g + 2 + high]);
      fours[g + 2 * high] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
      fours[g + 2 * high + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
    }
    // Then quarters of vectors: quarter g of values[4 q + c] is quarter q of fours[4 g + c].
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512 even_01 = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0x88);
    const __m512 odd_01 = _mm512_shuffle_f32x4(fours[c], fours[4 + c], 0xdd);
    const __m512 even_23 = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0x88);
    const __m512 odd_23 = _mm512_shuffle_f32x4(fours[8 + c], fours[12 + c], 0xdd);
    values[c] = _mm512_shuffle_f32x4(even_01, even_23, 0x88);
    values[8 + c] = _mm512_shuffle_f32x4(even_01, even_23, 0xdd);
    values[4 + c] = _mm512_shuffle_f32x4(odd_01, odd_23, 0x88);
    values[12 + c] = _mm512_shuffle_f32x4(odd_01, odd_23, 0xdd);
  }
}

// Sums of one block, values[r] lane t, to out [n_tokens, kTileRows] of those asked for.
HWY_INLINE void put_tokens(__m512 (&values)[16], std::uint32_t n_rows, const std::uint32_t* tokens,
                           std::uint32_t n_tokens, float* out) {
  transpose(values);
  alignas(64) float by_token[kTileTokens][kTileRows];
#pragma GCC unroll 16
  for (std::uint32_t t = 0; t < kTileTokens; ++t) _mm512_store_ps(by_token[t], values[t]);
  for (std::uint32_t i = 0; i < n_tokens; ++i)
    store_first(VecF{_mm512_load_ps(by_token[tokens[i] % kTileTokens])}, n_rows,
                out + std::size_t{i} * kTileRows);
}

// sums [blocks, kTileRows, kTileTokens] of a run to out [tokens of the run, kTileRows].
HWY_INLINE void put_run(const float* sums, std::uint32_t n_rows, const WideRun& run,
                        const std::uint32_t* tokens, float* out) {
  for (std::uint32_t t = 0; t < run.n_tokens; sums += kTileSums) {
    const std::uint32_t n = count_in_block(tokens + t, run.n_tokens - t);
    __m512 values[kTileRows];
#pragma GCC unroll 16
    for (std::uint32_t r = 0; r < kTileRows; ++r)
      values[r] = _mm512_load_ps(sums + r * kTileTokens);
    put_tokens(values, n_rows, tokens + t, n, out + std::size_t{t} * kTileRows);
    t += n;
  }
}

}  // namespace
}  // namespace synfire::cpu
