// Products of half-float rows with many tokens, at the avx512 level. Included by level-inl.hpp
// only.
//
// In 16-bit integers, of which a lane multiplies and adds two where it makes one float FMA. Each
// unit of a row and of a token is scaled to a norm of kWideNorm: so by Cauchy and Schwarz no sum
// of a unit's products, whole or partial, leaves 32 bits, and a rounding is as small as that of a
// half float. Lanes are tokens, so that values do not depend on what is computed beside them.
#pragma once

namespace synfire::cpu {
namespace {

// Below 2^15 with room for roundings, which add at most sqrt(kUnit) / 2.
constexpr float kWideNorm = 32700;
constexpr std::uint32_t kWidePairs = kUnit / 2;
constexpr std::uint32_t kWideBlocks = 32;  // of tokens that one unpacking of weights serves

// body(i, elements i .., elements i + kLanes ..) for the pairs of vectors of a row's unit: n
// elements from `first` on, then zeros.
template <typename Row, typename Body>
HWY_INLINE void for_vectors(const std::byte* row, std::uint32_t first, std::uint32_t n,
                            const Body& body) {
  if (n == kUnit) {
#pragma GCC unroll 4
    for (std::uint32_t i = 0; i < kUnit; i += 2 * kLanes)
      body(i, Row::load(row, first + i), Row::load(row, first + i + kLanes));
    return;
  }
  const auto load = [&](std::uint32_t i) {
    if (i + kLanes <= n) return Row::load(row, first + i);
    return i < n ? Row::load_tail(row, first + i, n - i) : hn::Zero(kFloats);
  };
  for (std::uint32_t i = 0; i < kUnit; i += 2 * kLanes) body(i, load(i), load(i + kLanes));
}

// A unit of some rows or tokens. Elements are in the order of to_shorts, the same for both.
struct WideUnit {
  alignas(64) std::int16_t quants[kWideTokens][kUnit];
  alignas(64) float scales[kWideTokens];

  [[nodiscard]] HWY_INLINE const std::int16_t* pair(std::uint32_t row, std::uint32_t i) const {
    return quants[row] + i * 2;
  }
};
static_assert(kWideTokens == kTileRows && kWideTokens == kLanes);

// n elements from `first` on, of n_rows rows.
template <typename Row>
HWY_INLINE void widen(const std::byte* const* rows, std::uint32_t n_rows, std::uint32_t first,
                      std::uint32_t n, WideUnit& unit) {
  for (std::uint32_t r = 0; r < n_rows; ++r) {
    VecF squares[2] = {hn::Zero(kFloats), hn::Zero(kFloats)};
    for_vectors<Row>(rows[r], first, n, [&](std::uint32_t, VecF a, VecF b) {
      squares[0] = hn::MulAdd(a, a, squares[0]);
      squares[1] = hn::MulAdd(b, b, squares[1]);
    });
    const VecF sum = hn::SumOfLanes(kFloats, hn::Add(squares[0], squares[1]));
    unit.scales[r] = __builtin_sqrtf(hn::GetLane(sum)) / kWideNorm;
  }
  for (std::uint32_t r = 0; r < n_rows; ++r) {
    const VecF inverse = hn::Set(kFloats, unit.scales[r] > 0 ? 1 / unit.scales[r] : 0.0f);
    for_vectors<Row>(rows[r], first, n, [&](std::uint32_t i, VecF a, VecF b) {
      store_ints(to_shorts(hn::Mul(a, inverse), hn::Mul(b, inverse)), unit.quants[r] + i);
    });
  }
}

// A block of at most kWideTokens tokens; see Activations.
void quantize_wide(const float* x, std::size_t stride, std::uint32_t n_tokens, std::uint32_t cols,
                   std::int16_t* quants, float* scales) {
  const std::byte* tokens[kWideTokens];
  for (std::uint32_t t = 0; t < n_tokens; ++t)
    tokens[t] = reinterpret_cast<const std::byte*>(x + t * stride);
  WideUnit unit = {};
  for (std::uint32_t first = 0; first < cols; first += kUnit) {
    widen<F32Row>(tokens, n_tokens, first, cols - first < kUnit ? cols - first : kUnit, unit);
    __builtin_memcpy(scales, unit.scales, sizeof unit.scales);
    for (std::uint32_t pair = 0; pair < kWidePairs; ++pair)
      for (std::uint32_t t = 0; t < kWideTokens; ++t)
        __builtin_memcpy(quants + (pair * kWideTokens + t) * 2, unit.quants[t] + pair * 2, 4);
    quants += kUnit * kWideTokens;
    scales += kWideTokens;
  }
}

// sums [R, kWideTokens] += products of R rows of a panel from `row` on with a block's unit.
template <std::uint32_t R, typename Unit>
HWY_INLINE void multiply_wide(const Unit& rows, std::uint32_t row, std::uint32_t n_pairs,
                              const std::int16_t* quants, const float* scales, float* sums) {
  VecI dots[R];
#pragma GCC unroll 8
  for (std::uint32_t r = 0; r < R; ++r) dots[r] = no_ints();
  for (std::uint32_t pair = 0; pair < n_pairs; ++pair) {
    const VecI token = load_ints(quants + pair * kWideTokens * 2);
#pragma GCC unroll 8
    for (std::uint32_t r = 0; r < R; ++r)
      dots[r] = dot_add_pair(dots[r], token, rows.pair(row + r, pair));
  }
  const VecF scale = hn::LoadU(kFloats, scales);
#pragma GCC unroll 8
  for (std::uint32_t r = 0; r < R; ++r) {
    float* const sum = sums + r * kWideTokens;
    const VecF factor = hn::Mul(scale, hn::Set(kFloats, rows.scales[row + r]));
    hn::StoreU(hn::MulAdd(to_floats(dots[r]), factor, hn::LoadU(kFloats, sum)), kFloats, sum);
  }
}

// sums [kTileRows, kWideTokens] += products of n_rows rows.
template <typename Unit>
HWY_INLINE void multiply_wide_rows(const Unit& rows, std::uint32_t n_rows, std::uint32_t n_pairs,
                                   const std::int16_t* quants, const float* scales, float* sums) {
  std::uint32_t r = 0;
  for (; r + 8 <= n_rows; r += 8)
    multiply_wide<8>(rows, r, n_pairs, quants, scales, sums + r * kWideTokens);
  for (; r + 4 <= n_rows; r += 4)
    multiply_wide<4>(rows, r, n_pairs, quants, scales, sums + r * kWideTokens);
  for (; r < n_rows; ++r)
    multiply_wide<1>(rows, r, n_pairs, quants, scales, sums + r * kWideTokens);
}

// The blocks in which the first of some tokens lie, up to kWideBlocks of them.
struct WideRun {
  WideRun(const std::uint32_t* tokens, std::uint32_t n) {
    for (; n_tokens < n; ++n_tokens) {
      const std::uint32_t block = tokens[n_tokens] / kWideTokens;
      if (n_blocks != 0 && blocks[n_blocks - 1] == block) continue;
      if (n_blocks == kWideBlocks) return;
      blocks[n_blocks++] = block;
    }
  }

  std::uint32_t blocks[kWideBlocks];
  std::uint32_t n_blocks = 0;
  std::uint32_t n_tokens = 0;
};

// As DotRows, for the tokens of a run. fill(first, n, unit): n elements of the rows from `first`
// on, as wide as the tokens.
template <typename Unit, typename Fill>
[[gnu::noinline]] void dot_wide_run(std::uint32_t n_rows, std::uint32_t cols, const Activations& x,
                                    const WideRun& run, const std::uint32_t* tokens,
                                    const Fill& fill, float* out) {
  alignas(64) float sums[kWideBlocks][kTileRows][kWideTokens];
  __builtin_memset(sums, 0, run.n_blocks * sizeof sums[0]);
  Unit unit;
  const std::size_t n_units = units_in(cols);
  for (std::uint32_t u = 0; u < n_units; ++u) {
    const std::uint32_t first = u * kUnit;
    const std::uint32_t n = cols - first < kUnit ? cols - first : kUnit;
    fill(first, n, unit);
    // Whole pairs of vectors, since elements are in turns.
    const std::uint32_t n_pairs = (n + 2 * kLanes - 1) / (2 * kLanes) * kLanes;
    for (std::uint32_t b = 0; b < run.n_blocks; ++b) {
      const std::size_t at = run.blocks[b] * n_units + u;
      multiply_wide_rows(unit, n_rows, n_pairs, x.wide_quants + at * kUnit * kWideTokens,
                         x.wide_scales + at * kWideTokens, sums[b][0]);
    }
  }
  for (std::uint32_t i = 0, b = 0; i < run.n_tokens; ++i) {
    b += tokens[i] / kWideTokens != run.blocks[b];
    for (std::uint32_t r = 0; r < n_rows; ++r)
      out[i * kTileRows + r] = sums[b][r][tokens[i] % kWideTokens];
  }
}

// body(run, its tokens, their out) for runs of tokens.
template <typename Body>
HWY_INLINE void for_wide_runs(const std::uint32_t* tokens, std::uint32_t n_tokens, float* out,
                              const Body& body) {
  for (std::uint32_t t = 0; t < n_tokens;) {
    const WideRun run(tokens + t, n_tokens - t);
    body(run, tokens + t, out + std::size_t{t} * kTileRows);
    t += run.n_tokens;
  }
}

// Rows of half floats: in 16-bit integers where the tokens are prepared for it.
template <typename Row>
void dot_half(const std::byte* const* rows, const std::byte* const* next_rows, std::uint32_t n_rows,
              std::uint32_t cols, const Activations& x, const std::uint32_t* tokens,
              std::uint32_t n_tokens, float* out) {
  if (x.wide_quants == nullptr)
    return dot_float<Row>(rows, next_rows, n_rows, cols, x, tokens, n_tokens, out);
  for_wide_runs(tokens, n_tokens, out,
                [&](const WideRun& run, const std::uint32_t* some, float* to) {
                  dot_wide_run<WideUnit>(
                      n_rows, cols, x, run, some,
                      [&](std::uint32_t first, std::uint32_t n, WideUnit& unit) {
                        widen<Row>(rows, n_rows, first, n, unit);
                      },
                      to);
                });
}

}  // namespace
}  // namespace synfire::cpu
