// Products of packed rows with some tokens, at the avx512 level. Included by level-inl.hpp only.
//
// Codes of two rows are unpacked into registers, and up to eight tokens go by: unlike a panel, they
// are never stored, which for so few tokens costs a fifth of the products. The sums are those of
// single tokens, bit for bit.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kBlockTokens = 8;

// What a token's unit brings to every row besides quants and scales.
template <typename Format>
struct UnitStart {
  __m256i ints[Format::kParts];  // upper lanes are zero
  __m256 sums[Format::kHasMinimum ? 1 : 0];
};

template <typename Format>
HWY_INLINE UnitStart<Format> start_of(const Activations& x, std::size_t unit) {
  UnitOfToken token;
  load_unit<Format, 8>(x, unit, token);
  UnitStart<Format> start;
  for_indices<Format::kParts>(
      [&](auto part) { start.ints[part.value] = _mm512_castsi512_si256(token.start[part.value]); });
  if constexpr (Format::kHasMinimum) start.sums[0] = token.sums;
  return start;
}

// Tokens that go by together, at most kBlockTokens.
template <typename Format>
struct TokensBeside {
  const std::int8_t* quants[kBlockTokens];
  const float* scales[kBlockTokens];
  UnitStart<Format> starts[kPanelUnits][kBlockTokens];

  HWY_INLINE TokensBeside(const Activations& x, std::uint32_t n_units, const std::uint32_t* tokens,
                          std::uint32_t n) {
    for (std::uint32_t t = 0; t < n; ++t) {
      const std::size_t first = std::size_t{tokens[t]} * n_units;
      quants[t] = x.quants + first * kUnit;
      scales[t] = x.scales + first * 8;
      for (std::uint32_t u = 0; u < n_units; ++u) starts[u][t] = start_of<Format>(x, first + u);
    }
  }
};

// dots [B, R]: the integer dots of a part of a unit of R rows with B tokens from `first` on.
template <typename Format, std::uint32_t Blocks, std::uint32_t Part, std::uint32_t B,
          std::uint32_t R>
HWY_INLINE void add_products(const VecI (&codes)[R][kVectors], const TokensBeside<Format>& tokens,
                             std::uint32_t first, std::uint32_t unit, VecI (&dots)[B][R]) {
#pragma GCC unroll 2
  for (std::uint32_t i = 0; i < B; ++i)
#pragma GCC unroll 2
    for (std::uint32_t r = 0; r < R; ++r)
      dots[i][r] = _mm512_zextsi256_si512(tokens.starts[unit][first + i].ints[Part]);
  constexpr std::uint32_t kEach = kVectorsOf<Blocks> / Format::kParts;
  for_indices<kEach>([&](auto v) {
    constexpr std::uint32_t kAt = Part * kEach + v.value;
#pragma GCC unroll 2
    for (std::uint32_t i = 0; i < B; ++i) {
      const VecI quants = in_register(
          load_ints(tokens.quants[first + i] + std::size_t{unit} * kUnit + kAt * kIntBytes));
#pragma GCC unroll 2
      for (std::uint32_t r = 0; r < R; ++r)
        dots[i][r] = Format::dot(dots[i][r], codes[r][kAt], quants);
    }
  });
}

// Whether sums of two rows go side by side in a vector: half the instructions after the products,
// and half the registers. The additions are those of each row alone.
template <typename Format, std::uint32_t R>
constexpr bool kSideBySide = R == 2 && Format::kParts == 1 && !Format::kHasMinimum;

HWY_INLINE __m512 side_by_side(__m256 a, __m256 b) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(a), b, 1);
}
// As fold_lanes() of each, in a vector's halves.
HWY_INLINE VecI fold_two(VecI a, VecI b) {
  return _mm512_add_epi32(_mm512_inserti64x4(a, _mm512_castsi512_si256(b), 1),
                          _mm512_shuffle_i64x2(a, b, _MM_SHUFFLE(3, 2, 3, 2)));
}

// Two rows and T tokens from `first` on; out[t * kTileRows + r].
template <typename Format, std::uint32_t T>
HWY_INLINE void multiply_two(const std::byte* const* rows, const std::byte* const* next_rows,
                             const RowUnits& units, const TokensBeside<Format>& tokens,
                             std::uint32_t first, float* out) {
  __m512 sums[T];
#pragma GCC unroll 8
  for (std::uint32_t t = 0; t < T; ++t) sums[t] = _mm512_setzero_ps();
  for_units<Format>(
      units, [&](auto blocks, std::uint32_t u) __attribute__((always_inline)) {
        constexpr std::uint32_t kBlocks = blocks.value;
        VecI codes[2][kVectors];
        __m256 scales[2][1], minimums[2];
#pragma GCC unroll 2
        for (std::uint32_t r = 0; r < 2; ++r) {
          const std::byte* const side = rows[r] + std::size_t{u} * kUnitBytes<Format>;
          unpack_unit<Format, kBlocks>(side, codes[r], scales[r], minimums[r]);
          if (next_rows != nullptr) fetch_unit<Format, kBlocks>(next_rows[r], u);
        }
        const __m512 both = side_by_side(scales[0][0], scales[1][0]);
        // Some sums of products side by side, which hides the latency of adding them up.
        constexpr std::uint32_t kBeside = T == 1 ? 1 : 2;
#pragma GCC unroll 4
        for (std::uint32_t t = 0; t < T; t += kBeside) {
          VecI dots[kBeside][2];
          add_products<Format, kBlocks, 0>(codes, tokens, first + t, u, dots);
#pragma GCC unroll 2
          for (std::uint32_t i = 0; i < kBeside; ++i) {
            const __m512 scale =
                _mm512_broadcast_f32x8(_mm256_loadu_ps(tokens.scales[first + t + i] + u * 8));
            sums[t + i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(fold_two(dots[i][0], dots[i][1])),
                                          _mm512_mul_ps(both, scale), sums[t + i]);
          }
        }
      });
#pragma GCC unroll 8
  for (std::uint32_t t = 0; t < T; ++t) {
    RowSum<Format> row[2];
    row[0].products = _mm512_castps512_ps256(sums[t]);
    row[1].products = _mm512_extractf32x8_ps(sums[t], 1);
    for (std::uint32_t r = 0; r < 2; ++r) out[t * kTileRows + r] = row[r].total();
  }
}

// R rows and T tokens from `first` on; out[t * kTileRows + r].
template <typename Format, std::uint32_t R, std::uint32_t T>
HWY_INLINE void multiply_block(const std::byte* const* rows, const std::byte* const* next_rows,
                               const RowUnits& units, const TokensBeside<Format>& tokens,
                               std::uint32_t first, float* out) {
  RowSum<Format> sums[R][T];
  for_units<Format>(
      units, [&](auto blocks, std::uint32_t u) __attribute__((always_inline)) {
        constexpr std::uint32_t kBlocks = blocks.value;
        VecI codes[R][kVectors];
        __m256 scales[R][Format::kParts];
        __m256 minimums[R];
#pragma GCC unroll 2
        for (std::uint32_t r = 0; r < R; ++r) {
          const std::byte* const side = rows[r] + std::size_t{u} * kUnitBytes<Format>;
          unpack_unit<Format, kBlocks>(side, codes[r], scales[r], minimums[r]);
          if (next_rows != nullptr) fetch_unit<Format, kBlocks>(next_rows[r], u);
        }
        // Some sums of products side by side, which hides the latency of adding them up.
        constexpr std::uint32_t kBeside = T == 1 ? 1 : 2;
#pragma GCC unroll 4
        for (std::uint32_t t = 0; t < T; t += kBeside)
          for_indices<Format::kParts>([&](auto part) {
            VecI dots[kBeside][R];
            add_products<Format, kBlocks, part.value>(codes, tokens, first + t, u, dots);
#pragma GCC unroll 2
            for (std::uint32_t i = 0; i < kBeside; ++i) {
              const __m256 scale = _mm256_loadu_ps(tokens.scales[first + t + i] + u * 8);
#pragma GCC unroll 2
              for (std::uint32_t r = 0; r < R; ++r) {
                __m256& sum = sums[r][t + i].products;
                sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(fold_lanes(dots[i][r])),
                                      _mm256_mul_ps(scales[r][part.value], scale), sum);
              }
            }
          });
        if constexpr (Format::kHasMinimum)
#pragma GCC unroll 2
          for (std::uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 8
            for (std::uint32_t t = 0; t < T; ++t) {
              __m256& sum = sums[r][t].minimums;
              sum = _mm256_fmadd_ps(minimums[r], tokens.starts[u][first + t].sums[0], sum);
            }
      });
#pragma GCC unroll 2
  for (std::uint32_t r = 0; r < R; ++r) {
    if constexpr (T % 4 == 0) {
#pragma GCC unroll 2
      for (std::uint32_t t = 0; t < T; t += 4) {
        alignas(16) float four[4];
        _mm_store_ps(four,
                     totals<Format>(sums[r][t], sums[r][t + 1], sums[r][t + 2], sums[r][t + 3]));
        for (std::uint32_t i = 0; i < 4; ++i) out[(t + i) * kTileRows + r] = four[i];
      }
    } else {
      for (std::uint32_t t = 0; t < T; ++t) out[t * kTileRows + r] = sums[r][t].total();
    }
  }
}

// All tokens of a block; `next_rows` are fetched once.
template <typename Format, std::uint32_t R>
HWY_INLINE void multiply_tokens(const std::byte* const* rows, const std::byte* const* next_rows,
                                const RowUnits& units, const TokensBeside<Format>& tokens,
                                std::uint32_t n_tokens, float* out) {
  std::uint32_t t = 0;
  const auto take = [&](auto count) {
    const std::byte* const* const next = t == 0 ? next_rows : nullptr;
    float* const to = out + t * kTileRows;
    if constexpr (kSideBySide<Format, R>)
      multiply_two<Format, count.value>(rows, next, units, tokens, t, to);
    else
      multiply_block<Format, R, count.value>(rows, next, units, tokens, t, to);
    t += count.value;
  };
  if (n_tokens == 8) return take(Index<8>());
  if (t + 4 <= n_tokens) take(Index<4>());
  if (t + 2 <= n_tokens) take(Index<2>());
  if (t < n_tokens) take(Index<1>());
}

// As DotRows, for rows of at most kPanelUnits units.
template <typename Format>
[[gnu::noinline]] void dot_block(const std::byte* const* rows, const std::byte* const* next_rows,
                                 std::uint32_t n_rows, const RowUnits& units, const Activations& x,
                                 const std::uint32_t* tokens, std::uint32_t n_tokens, float* out) {
  for (std::uint32_t first = 0; first < n_tokens; first += kBlockTokens) {
    const std::uint32_t n = n_tokens - first < kBlockTokens ? n_tokens - first : kBlockTokens;
    const TokensBeside<Format> block(x, units.n, tokens + first, n);
    const auto next_from = [&](std::uint32_t r) {
      return first != 0 || next_rows == nullptr ? nullptr : next_rows + r;
    };
    float* const to = out + std::size_t{first} * kTileRows;
    std::uint32_t r = 0;
    for (; r + 2 <= n_rows; r += 2)
      multiply_tokens<Format, 2>(rows + r, next_from(r), units, block, n, to + r);
    if (r < n_rows) multiply_tokens<Format, 1>(rows + r, next_from(r), units, block, n, to + r);
  }
}

}  // namespace
}  // namespace synfire::cpu
