// Products of half-float rows with many tokens, 16-bit integers in tiles of bytes. Included by the
// avx512 level only.
//
// The integers are those of wide_dot-inl.hpp, each as 256 high + low: four products of bytes make
// one of theirs, mod 2^32, which is enough since the sum of a unit's fits. So the bits are those of
// the avx512 level.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kWideSteps = kUnit / 64;  // products of a unit: 64 deep

// 16-bit integers of a unit of kTileRows rows as the left factors.
struct WidePanel {
  // [steps, high or low, kTileRows, 64]; high ones are signed, low ones are not
  alignas(64) std::uint8_t bytes[kWideSteps][2][kTileBytes];
};

HWY_INLINE void split_rows(const WideUnit& unit, WidePanel& panel) {
  for (std::uint32_t r = 0; r < kTileRows; ++r)
    for (std::uint32_t i = 0; i < kUnit; i += 32) {
      const VecI shorts = load_ints(unit.quants[r] + i);
      const std::size_t at = r * kTileRowBytes + i % 64;
      _mm256_store_si256(reinterpret_cast<__m256i*>(panel.bytes[i / 64][0] + at),
                         _mm512_cvtepi16_epi8(_mm512_srli_epi16(shorts, 8)));
      _mm256_store_si256(reinterpret_cast<__m256i*>(panel.bytes[i / 64][1] + at),
                         _mm512_cvtepi16_epi8(shorts));
    }
}

// As quantize_wide; the quants are bytes, [units, steps, high or low, 16 fours of elements,
// kTileTokens, 4].
void quantize_wide_bytes(const float* x, std::size_t stride, std::uint32_t n_tokens,
                         std::uint32_t cols, std::int16_t* quants, float* scales) {
  quantize_wide(x, stride, n_tokens, cols, quants, scales);
  const VecI low_bytes = _mm512_set1_epi16(0xff);
  // Packed, a 128-bit lane has the first pairs of 4 tokens, then the second ones.
  const VecI fours =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
  for (std::uint32_t unit = 0; unit < units_in(cols); ++unit, quants += kUnit * kTileTokens)
    for (std::uint32_t step = 0; step < kWideSteps; ++step) {
      // [32 pairs, kTileTokens, 2] shorts become twice [16 fours, kTileTokens, 4] bytes.
      std::int16_t* const at = quants + step * kTileBytes;
      alignas(64) std::uint8_t bytes[2][kTileBytes];
      for (std::uint32_t four = 0; four < kTileRows; ++four) {
        const VecI first = load_ints(at + 2 * four * 2 * kTileTokens);
        const VecI second = load_ints(at + (2 * four + 1) * 2 * kTileTokens);
        const VecI high =
            _mm512_packus_epi16(_mm512_srli_epi16(first, 8), _mm512_srli_epi16(second, 8));
        const VecI low = _mm512_packus_epi16(_mm512_and_si512(first, low_bytes),
                                             _mm512_and_si512(second, low_bytes));
        store_ints(_mm512_shuffle_epi8(high, fours), bytes[0] + four * kTileRowBytes);
        store_ints(_mm512_shuffle_epi8(low, fours), bytes[1] + four * kTileRowBytes);
      }
      __builtin_memcpy(at, bytes, sizeof bytes);
    }
}

// sums [kTileRows, kTileTokens] += products of a panel with a unit of a block of tokens.
template <typename Tiles>
HWY_INLINE void multiply_wide_tiles(const WidePanel& rows, const float* row_scales,
                                    const std::uint8_t* tokens, const float* token_scales,
                                    float* sums) {
  // Sums 0 to 3: of high and high, high and low, low and high, low and low bytes.
  Tiles::template zero<0>();
  Tiles::template zero<1>();
  Tiles::template zero<2>();
  Tiles::template zero<3>();
  for (std::uint32_t step = 0; step < kWideSteps; ++step) {
    const std::uint8_t* const token = tokens + step * 2 * kTileBytes;
    Tiles::template load<4>(rows.bytes[step][0], kTileRowBytes);
    Tiles::template load<5>(rows.bytes[step][1], kTileRowBytes);
    Tiles::template load<6>(token, kTileRowBytes);
    Tiles::template load<7>(token + kTileBytes, kTileRowBytes);
    Tiles::template multiply_ss<0, 4, 6>();
    Tiles::template multiply_su<1, 4, 7>();
    Tiles::template multiply_us<2, 5, 6>();
    Tiles::template multiply_uu<3, 5, 7>();
  }
  alignas(64) std::int32_t dots[4][kTileSums];
  Tiles::template store<0>(dots[0], kTileRowBytes);
  Tiles::template store<1>(dots[1], kTileRowBytes);
  Tiles::template store<2>(dots[2], kTileRowBytes);
  Tiles::template store<3>(dots[3], kTileRowBytes);
  const __m512 scale = _mm512_loadu_ps(token_scales);
  for (std::uint32_t r = 0; r < kTileRows; ++r) {
    const auto dot = [&](int which) { return load_ints(dots[which] + r * kTileTokens); };
    const VecI middle = add_ints(dot(1), dot(2));
    const VecI high = add_ints(shift_left_lanes<8>(dot(0)), middle);
    const VecI all = add_ints(shift_left_lanes<8>(high), dot(3));
    const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(row_scales[r]));
    float* const sum = sums + r * kTileTokens;
    _mm512_store_ps(sum, _mm512_fmadd_ps(_mm512_cvtepi32_ps(all), factor, _mm512_load_ps(sum)));
  }
}

// As DotRows, for the tokens of a run.
template <typename Tiles, typename Row>
[[gnu::noinline]] void dot_wide_tiles(const std::byte* const* rows, std::uint32_t n_rows,
                                      std::uint32_t cols, const Activations& x, const WideRun& run,
                                      const std::uint32_t* tokens, float* out) {
  alignas(64) float sums[kWideBlocks * kTileSums];
  __builtin_memset(sums, 0, run.n_blocks * kTileSums * sizeof(float));
  WideUnit unit = {};  // rows that are none are zeros
  WidePanel panel;
  const std::size_t n_units = units_in(cols);
  const TileSession<Tiles> session(kFullConfig);
  for (std::uint32_t u = 0; u < n_units; ++u) {
    const std::uint32_t first = u * kUnit;
    widen<Row>(rows, n_rows, first, cols - first < kUnit ? cols - first : kUnit, unit);
    split_rows(unit, panel);
    for (std::uint32_t b = 0; b < run.n_blocks; ++b) {
      const std::size_t at = run.blocks[b] * n_units + u;
      multiply_wide_tiles<Tiles>(
          panel, unit.scales,
          reinterpret_cast<const std::uint8_t*>(x.wide_quants + at * kUnit * kTileTokens),
          x.wide_scales + at * kTileTokens, sums + b * kTileSums);
    }
  }
  put_run(sums, n_rows, run, tokens, out);
}

// Rows of half floats: in bytes of 16-bit integers where the tokens are prepared for it.
template <typename Tiles, typename Row>
void dot_half_tiles(const std::byte* const* rows, const std::byte* const* next_rows,
                    std::uint32_t n_rows, std::uint32_t cols, const Activations& x,
                    const std::uint32_t* tokens, std::uint32_t n_tokens, float* out) {
  if (x.wide_quants == nullptr)
    return dot_float<Row>(rows, next_rows, n_rows, cols, x, tokens, n_tokens, out);
  for (std::uint32_t t = 0; t < n_tokens;) {
    const WideRun run(tokens + t, n_tokens - t);
    dot_wide_tiles<Tiles, Row>(rows, n_rows, cols, x, run, tokens + t,
                               out + std::size_t{t} * kTileRows);
    t += run.n_tokens;
  }
}

}  // namespace
}  // namespace synfire::cpu
