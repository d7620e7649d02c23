// Products of packed rows with many tokens. Included by level-inl.hpp only.
//
// Codes and scales of some rows are unpacked once, into a panel that the first cache holds; then
// all tokens go by, in pairs. The sums are those of single tokens, bit for bit.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kPanelRows = 4;

// Tokens from which on a panel pays. Never at the avx512 level where a code is one instruction and
// a row has one scale: two rows in registers (packed_block-inl.hpp) are faster for any number.
template <typename Format>
constexpr std::uint32_t kPanelFrom =
    kIntBytes == 64 && Format::kParts == 1 && !Format::kHasMinimum ? UINT32_MAX : 8;

template <typename Format>
struct PanelUnit {
  VecI codes[kPanelRows][kVectors];
  __m256 scales[kPanelRows][Format::kParts];
  __m256 minimums[Format::kHasMinimum ? kPanelRows : 1];
};

template <typename Format>
HWY_INLINE void fill_panel(const std::byte* const* rows, const RowUnits& units,
                           PanelUnit<Format>* panel) {
  for (std::uint32_t r = 0; r < kPanelRows; ++r)
    for_units<Format>(
        units, [&](auto blocks, std::uint32_t u) __attribute__((always_inline)) {
          PanelUnit<Format>& unit = panel[u];
          unpack_unit<Format, blocks.value>(rows[r] + std::size_t{u} * kUnitBytes<Format>,
                                            unit.codes[r], unit.scales[r],
                                            unit.minimums[Format::kHasMinimum ? r : 0]);
        });
}

// `next_row`: one to fetch ahead meanwhile, or null.
template <typename Format, std::uint32_t T>
HWY_INLINE void multiply_panel(const PanelUnit<Format>* panel, const RowUnits& units,
                               const Activations& x, const std::uint32_t* tokens,
                               const std::byte* next_row, float* out) {
  RowSum<Format> sums[kPanelRows][T];
  for_units<Format>(
      units, [&](auto blocks, std::uint32_t u) __attribute__((always_inline)) {
        constexpr std::uint32_t kBlocks = blocks.value;
        const PanelUnit<Format>& unit = panel[u];
        if (next_row != nullptr) fetch_unit<Format, kBlocks>(next_row, u);
        UnitOfToken token[T];
#pragma GCC unroll 4
        for (std::uint32_t t = 0; t < T; ++t)
          load_unit<Format, kBlocks>(x, std::size_t{tokens[t]} * units.n + u, token[t]);
#pragma GCC unroll 4
        for (std::uint32_t r = 0; r < kPanelRows; ++r) {
          __m256 minimum = _mm256_setzero_ps();
          if constexpr (Format::kHasMinimum) minimum = unit.minimums[r];
#pragma GCC unroll 4
          for (std::uint32_t t = 0; t < T; ++t)
            sums[r][t].template add<kBlocks>(unit.codes[r], unit.scales[r], minimum, token[t]);
        }
      });
#pragma GCC unroll 4
  for (std::uint32_t t = 0; t < T; ++t)
    _mm_storeu_ps(out + t * kTileRows,
                  totals<Format>(sums[0][t], sums[1][t], sums[2][t], sums[3][t]));
}

// kPanelRows rows; as DotRows otherwise. Not inlined, so that only many tokens pay for the stack.
template <typename Format>
[[gnu::noinline]] void dot_panel(const std::byte* const* rows, const std::byte* const* next_rows,
                                 const RowUnits& units, const Activations& x,
                                 const std::uint32_t* tokens, std::uint32_t n_tokens, float* out) {
  PanelUnit<Format> panel[kPanelUnits];
  fill_panel<Format>(rows, units, panel);
  // With each pair of tokens one row, so that memory has something to do all the time.
  const auto next_row = [&](std::uint32_t t) {
    return next_rows != nullptr && t / 2 < kPanelRows ? next_rows[t / 2] : nullptr;
  };
  std::uint32_t t = 0;
  for (; t + 2 <= n_tokens; t += 2)
    multiply_panel<Format, 2>(panel, units, x, tokens + t, next_row(t),
                              out + std::size_t{t} * kTileRows);
  if (t < n_tokens)
    multiply_panel<Format, 1>(panel, units, x, tokens + t, next_row(t),
                              out + std::size_t{t} * kTileRows);
}

template <typename Format>
void dot_packed(const std::byte* const* rows, const std::byte* const* next_rows,
                std::uint32_t n_rows, std::uint32_t cols, const Activations& x,
                const std::uint32_t* tokens, std::uint32_t n_tokens, float* out) {
  const RowUnits units(cols);
  const auto next_from = [&](std::uint32_t r) {
    return next_rows == nullptr ? nullptr : next_rows + r;
  };
#ifdef __AVX512F__
  if (n_tokens > 1 && n_tokens < kPanelFrom<Format> && units.n <= kPanelUnits)
    return dot_block<Format>(rows, next_rows, n_rows, units, x, tokens, n_tokens, out);
#endif
  std::uint32_t r = 0;
  if (n_tokens >= kPanelFrom<Format> && units.n <= kPanelUnits)
    for (; r + kPanelRows <= n_rows; r += kPanelRows)
      dot_panel<Format>(rows + r, next_from(r), units, x, tokens, n_tokens, out + r);
  if (r < n_rows)
    dot_few<Format>(rows + r, next_from(r), n_rows - r, cols, x, tokens, n_tokens, out + r);
}

}  // namespace
}  // namespace synfire::cpu
