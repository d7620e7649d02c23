// Products of bfloat16 rows with many tokens in tiles of bfloat16. Included by the avx512 level
// only.
//
// An activation is the sum of two bfloat16, which have 16 of its 24 bits: with one, of 8, the text
// of a model gets another likelihood. So there are two products, whose sums stay in tiles for the
// whole of a row. What a token gets does not depend on what is computed beside it.
#pragma once

namespace synfire::cpu {
namespace {

HWY_INLINE std::uint32_t half_steps_in(std::uint32_t cols) {
  return (cols + kHalfStep - 1) / kHalfStep;
}
constexpr std::uint32_t kHalfPanel = 32;  // steps of which the first cache holds a panel of rows
constexpr std::size_t kHalfStepSize = 2 * kHalfStep * kTileTokens;  // of both terms of a block

// Floats as sums of two bfloat16, each in the low half of a lane: cut off, and what that leaves,
// rounded to nearest even.
struct SplitFloats {
  HWY_INLINE explicit SplitFloats(__m512 x) {
    const VecI bits = _mm512_castps_si512(x);
    const VecI cut = _mm512_and_si512(bits, _mm512_set1_epi32(static_cast<int>(0xffff0000u)));
    const VecI rest = _mm512_castps_si512(_mm512_sub_ps(x, _mm512_castsi512_ps(cut)));
    const VecI even = _mm512_and_si512(_mm512_srli_epi32(rest, 16), _mm512_set1_epi32(1));
    high = _mm512_srli_epi32(bits, 16);
    low = _mm512_srli_epi32(add_ints(add_ints(rest, even), _mm512_set1_epi32(0x7fff)), 16);
  }

  VecI high, low;
};

// A block of at most kTileTokens tokens as the right factor; see Activations.
void split_tokens(const float* x, std::size_t stride, std::uint32_t n_tokens, std::uint32_t cols,
                  std::uint16_t* halves) {
  for (std::uint32_t first = 0; first < cols; first += kHalfStep)
    for (std::uint32_t i = 0; i < kHalfStep; i += 16) {
      // Rows of tokens to columns of pairs: lane t of pair p.
      __m512 high[16], low[16];
      for (std::uint32_t t = 0; t < kTileTokens; ++t) {
        const std::uint32_t at = first + i;
        const bool here = t < n_tokens && at < cols;
        const std::uint32_t n = here ? (cols - at < 16 ? cols - at : 16) : 0;
        const SplitFloats split(load_first(here ? x + t * stride + at : x, n).raw);
        high[t] = _mm512_castsi512_ps(split.high);
        low[t] = _mm512_castsi512_ps(split.low);
      }
      transpose(high);
      transpose(low);
      const auto put = [&](const __m512(&columns)[16], std::uint16_t* to) {
        for (std::uint32_t pair = 0; pair < 8; ++pair) {
          const VecI second = _mm512_castps_si512(columns[2 * pair + 1]);
          store_ints(or_ints(_mm512_castps_si512(columns[2 * pair]), shift_left_lanes<16>(second)),
                     to + (i / 2 + pair) * kTileTokens * 2);
        }
      };
      std::uint16_t* const to = halves + std::size_t{first} * kTileTokens * 2;
      put(high, to);
      put(low, to + kHalfStep * kTileTokens);
    }
}

// Some steps of kTileRows rows as left factors: [steps, kTileRows, kHalfStep].
struct HalfPanel {
  alignas(64) std::byte rows[kHalfPanel * kTileBytes];
};

// Columns and rows that are none are zeros.
HWY_INLINE void fill_half_panel(const std::byte* const* rows, std::uint32_t n_rows,
                                std::uint32_t cols, std::uint32_t first_step, std::uint32_t n_steps,
                                HalfPanel& panel) {
  if (n_rows < kTileRows) __builtin_memset(panel.rows, 0, n_steps * kTileBytes);
  for (std::uint32_t r = 0; r < n_rows; ++r)
    for (std::uint32_t step = 0; step < n_steps; ++step) {
      const std::uint32_t first = (first_step + step) * kHalfStep;
      const __mmask32 there =
          cols - first < kHalfStep ? (__mmask32{1} << (cols - first)) - 1 : ~__mmask32{0};
      store_ints(_mm512_maskz_loadu_epi16(there, rows[r] + std::size_t{first} * 2),
                 panel.rows + step * kTileBytes + r * kTileRowBytes);
    }
}

// sums [N blocks, kTileRows, kTileTokens] += products of some steps of rows with N blocks of
// tokens: [steps, 2 terms, 16 pairs of columns, kTileTokens, 2] of each.
template <typename Tiles, std::uint32_t N>
HWY_INLINE void multiply_halves(const HalfPanel& panel, std::uint32_t n_steps,
                                const std::uint16_t* const* tokens, float* sums) {
  for_indices<N>(
      [&](auto b) { Tiles::template load<b.value>(sums + b.value * kTileSums, kTileRowBytes); });
  for (std::uint32_t step = 0; step < n_steps; ++step) {
    Tiles::template load<4>(panel.rows + step * kTileBytes, kTileRowBytes);
    for (std::uint32_t term = 0; term < 2; ++term)
      for_indices<N>([&](auto b) {
        constexpr int kTokens = 5 + b.value % 3;
        Tiles::template load<kTokens>(
            tokens[b.value] + step * kHalfStepSize + term * kHalfStepSize / 2, kTileRowBytes);
        Tiles::template multiply_bf16<b.value, 4, kTokens>();
      });
  }
  for_indices<N>(
      [&](auto b) { Tiles::template store<b.value>(sums + b.value * kTileSums, kTileRowBytes); });
}

// As DotRows, for the tokens of a run.
template <typename Tiles>
[[gnu::noinline]] void dot_bf16_tiles(const std::byte* const* rows, std::uint32_t n_rows,
                                      std::uint32_t cols, const Activations& x, const WideRun& run,
                                      const std::uint32_t* tokens, float* out) {
  alignas(64) float sums[kWideBlocks * kTileSums];
  __builtin_memset(sums, 0, run.n_blocks * kTileSums * sizeof(float));
  HalfPanel panel;
  const std::uint32_t all_steps = half_steps_in(cols);
  const TileSession<Tiles> session(kFullConfig);
  for (std::uint32_t first = 0; first < all_steps; first += kHalfPanel) {
    const std::uint32_t n_steps = all_steps - first < kHalfPanel ? all_steps - first : kHalfPanel;
    fill_half_panel(rows, n_rows, cols, first, n_steps, panel);
    const auto multiply = [&](std::uint32_t b, auto count) {
      const std::uint16_t* of_blocks[count.value];
      for (std::uint32_t i = 0; i < count.value; ++i)
        of_blocks[i] =
            x.halves + (std::size_t{run.blocks[b + i]} * all_steps + first) * kHalfStepSize;
      multiply_halves<Tiles, count.value>(panel, n_steps, of_blocks, sums + b * kTileSums);
    };
    std::uint32_t b = 0;
    for (; b + 4 <= run.n_blocks; b += 4) multiply(b, Index<4>());
    for (; b < run.n_blocks; ++b) multiply(b, Index<1>());
  }
  put_run(sums, n_rows, run, tokens, out);
}

// bfloat16 rows: in tiles where the tokens are prepared for it.
template <typename Tiles>
void dot_bf16(const std::byte* const* rows, const std::byte* const* next_rows, std::uint32_t n_rows,
              std::uint32_t cols, const Activations& x, const std::uint32_t* tokens,
              std::uint32_t n_tokens, float* out) {
  if (x.halves == nullptr)
    return dot_float<Bf16Row>(rows, next_rows, n_rows, cols, x, tokens, n_tokens, out);
  for_wide_runs(tokens, n_tokens, out,
                [&](const WideRun& run, const std::uint32_t* some, float* to) {
                  dot_bf16_tiles<Tiles>(rows, n_rows, cols, x, run, some, to);
                });
}

}  // namespace
}  // namespace synfire::cpu
