// Products of half-float rows that are lanes (backends/cpu/lane_rows.hpp), at the avx512 level.
// Included by level-inl.hpp only.
//
// Short rows, and few tokens: as FloatLanes. Many tokens and long rows: in 16-bit integers, those
// of packed rows (wide_dot-inl.hpp), bit for bit.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::size_t kHalfColumnBytes = kTileRows * 2;
// Elements that to_shorts brings into another order.
constexpr std::uint32_t kShortsTurn = 2 * kLanes;

// A unit of a tile's rows, as WideUnit.
struct LaneUnit {
  alignas(64) std::int16_t quants[kWidePairs][kTileRows][2];  // pairs in the order of to_shorts
  alignas(64) float scales[kTileRows];

  [[nodiscard]] HWY_INLINE const std::int16_t* pair(std::uint32_t row, std::uint32_t i) const {
    return quants[i][row];
  }
};

// The squares of each lane's n elements, n a multiple of kShortsTurn, added up in the order in
// which widen() adds a row's.
template <typename Row>
HWY_INLINE VecF sum_squares(const std::byte* columns, std::uint32_t n) {
  VecF sums[kLanes];
  for (std::uint32_t c = 0; c < kLanes; ++c) {
    VecF even = hn::Zero(kFloats), odd = even;
    for (std::uint32_t i = c; i < n; i += kShortsTurn) {
      const VecF a = Row::load(columns, i * kTileRows);
      const VecF b = Row::load(columns, (i + kLanes) * kTileRows);
      even = hn::MulAdd(a, a, even);
      odd = hn::MulAdd(b, b, odd);
    }
    sums[c] = hn::Add(even, odd);
  }
  for (std::uint32_t half = kLanes / 2; half > 0; half /= 2)
    for (std::uint32_t c = 0; c < half; ++c) sums[c] = hn::Add(sums[c], sums[c + half]);
  return sums[0];
}

// n columns, a multiple of kShortsTurn.
template <typename Row>
HWY_INLINE void widen_lanes(const std::byte* columns, std::uint32_t n, LaneUnit& unit) {
  const VecF scales = hn::Div(hn::Sqrt(sum_squares<Row>(columns, n)), hn::Set(kFloats, kWideNorm));
  hn::Store(scales, kFloats, unit.scales);
  const VecF zero = hn::Zero(kFloats);
  const VecF inverse =
      hn::IfThenElseZero(hn::Gt(scales, zero), hn::Div(hn::Set(kFloats, 1.0f), scales));
  const auto rounded = [&](std::uint32_t i) {
    return _mm512_cvtps_epi32(hn::Mul(Row::load(columns, i * kTileRows), inverse).raw);
  };
  for (std::uint32_t first = 0; first < n; first += kShortsTurn)
    for (std::uint32_t pair = 0; pair < kLanes; ++pair) {
      // Fours of the first half and of the second in turns.
      const std::uint32_t four = pair / 2 % 2 * kLanes + pair / 4 * 4;
      const std::uint32_t i = first + four + pair % 2 * 2;
      const VecI low = rounded(i), high = shift_left_lanes<16>(rounded(i + 1));
      store_ints(_mm512_mask_blend_epi16(0xaaaaaaaa, low, high), unit.quants[first / 2 + pair]);
    }
}

template <typename Row>
void dot_half_lanes(const std::byte* tile, const std::byte* next, std::uint32_t cols,
                    const Activations& x, const std::uint32_t* tokens, std::uint32_t n_tokens,
                    float* out) {
  const bool is_long = cols > kUnit;
  if (is_long && x.wide_quants != nullptr) {
    for_wide_runs(tokens, n_tokens, out,
                  [&](const WideRun& run, const std::uint32_t* some, float* to) {
                    dot_wide_run<LaneUnit>(
                        kTileRows, cols, x, run, some,
                        [&](std::uint32_t first, std::uint32_t n, LaneUnit& unit) {
                          widen_lanes<Row>(tile + first * kHalfColumnBytes, n, unit);
                        },
                        to);
                  });
    return;
  }
  // The hardware follows a single token's long stream best by itself.
  const bool follows = is_long && n_tokens == 1;
  dot_lanes<FloatLanes<Row>>(tile, follows ? nullptr : next, cols, x, tokens, n_tokens, out);
}

}  // namespace
}  // namespace synfire::cpu
