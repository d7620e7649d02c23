// Products of Q4_0 rows that are lanes (backends/cpu/lane_rows.hpp), at the avx512 level. Included
// by level-inl.hpp only.
//
// A row has one sum for each of the 8 blocks of a unit, units in rising order, added up in the end
// as RowSum::total does: so its bits are those of a packed row (packed_dot-inl.hpp), of one token
// or of many.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::size_t kNibbleBlockBytes = kTileRows * 16;
constexpr std::size_t kNibbleScaleBytes = kTileRows * 2;
constexpr std::size_t kNibblePairBytes = 2 * (kNibbleScaleBytes + kNibbleBlockBytes);
constexpr std::uint32_t kUnitPairs = kUnitBlocks / 2;
// Tokens that share unpacked nibbles: as many as the first cache holds the sums of.
constexpr std::uint32_t kNibbleTokens = 8;
// Of these, go by at once: so many chains of products hide their latency. Fewer tokens than that
// are sooner done one by one.
constexpr std::uint32_t kTokensBeside = 4;

// Where a block of a pair has its scales and its nibbles.
HWY_INLINE const std::byte* scales_of(const std::byte* pair, std::uint32_t block) {
  return pair + block * kNibbleScaleBytes;
}
HWY_INLINE const std::byte* nibbles_of(const std::byte* pair, std::uint32_t block) {
  return pair + 2 * kNibbleScaleBytes + block * kNibbleBlockBytes;
}

// A unit of a token.
struct FoursOfUnit {
  const std::int8_t* quants;                    // fours of a block: 8 blocks apart
  const float* scales;                          // of 8 blocks
  alignas(32) std::int32_t start[kUnitBlocks];  // minus zero point times sum

  HWY_INLINE void load(const Activations& x, std::size_t unit) {
    quants = x.quants + unit * kUnit;
    scales = x.scales + unit * kUnitBlocks;
    const auto* const sums = reinterpret_cast<const __m256i*>(x.sums + unit * 16);
    const __m256i both = _mm256_add_epi32(_mm256_loadu_si256(sums), _mm256_loadu_si256(sums + 1));
    const __m256i times8 = _mm256_slli_epi32(both, 3);
    _mm256_store_si256(reinterpret_cast<__m256i*>(start),
                       _mm256_sub_epi32(_mm256_setzero_si256(), times8));
  }
  [[nodiscard]] HWY_INLINE const std::int8_t* four(std::uint32_t block, std::uint32_t i) const {
    return quants + i * (4 * kUnitBlocks) + block * 4;
  }
};

HWY_INLINE __m512 add_block(VecI dots, __m512 row_scales, const float* scale, __m512 sum) {
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots),
                         _mm512_mul_ps(row_scales, _mm512_set1_ps(*scale)), sum);
}

// As RowSum::total.
HWY_INLINE __m512 total_of(const __m512 (&sums)[kUnitBlocks]) {
  const auto four = [&](std::uint32_t i) { return _mm512_add_ps(sums[i], sums[i + 4]); };
  return _mm512_add_ps(_mm512_add_ps(four(0), four(2)), _mm512_add_ps(four(1), four(3)));
}

// `next`: the tile that follows.
HWY_INLINE void dot_nibbles(const std::byte* tile, const std::byte* next, std::uint32_t n_units,
                            const Activations& x, std::uint32_t token, float* out) {
  const VecI low = _mm512_set1_epi8(15);
  const std::size_t end = n_units * kUnitPairs * kNibblePairBytes;
  const std::byte* pair = tile;
  std::size_t ahead = kLongUnitsAhead;
  __m512 sums[kUnitBlocks];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (std::uint32_t unit = 0; unit < n_units; ++unit) {
    FoursOfUnit fours;
    fours.load(x, std::size_t{token} * n_units + unit);
#pragma GCC unroll 4
    for (std::uint32_t p = 0; p < kUnitPairs; ++p) {
      fetch_lines(ahead < end ? tile + ahead : next + (ahead - end), 0, kNibblePairBytes);
#pragma GCC unroll 2
      for (std::uint32_t i = 0; i < 2; ++i) {
        const std::uint32_t block = 2 * p + i;
        // High nibbles are 16 times their value, so that one shift is enough.
        VecI dots = set_lanes(fours.start[block]), high = no_ints();
#pragma GCC unroll 4
        for (std::uint32_t v = 0; v < 4; ++v) {
          const VecI both = in_register(load_ints(nibbles_of(pair, i) + v * kIntBytes));
          dots = dot_add_four(dots, _mm512_and_si512(both, low), fours.four(block, v));
          high = dot_add_four(high, _mm512_andnot_si512(low, both), fours.four(block, v + 4));
        }
        sums[block] =
            add_block(add_ints(dots, _mm512_srai_epi32(high, 4)),
                      F16Row::load(scales_of(pair, i), 0).raw, fours.scales + block, sums[block]);
      }
      pair += kNibblePairBytes;
      ahead += kNibblePairBytes;
    }
  }
  _mm512_storeu_ps(out, total_of(sums));
}

// Sums of some tokens, and what they bring to a unit.
struct NibbleTokens {
  alignas(64) float sums[kUnitBlocks][kNibbleTokens][kTileRows];
  FoursOfUnit fours[kNibbleTokens];
};

// sums += the products of a block's codes with T tokens from t on.
template <std::uint32_t T>
HWY_INLINE void add_tokens(const VecI (&codes)[8], __m512 row_scales, std::uint32_t block,
                           std::uint32_t t, NibbleTokens& tokens) {
  VecI dots[T];
#pragma GCC unroll 4
  for (std::uint32_t i = 0; i < T; ++i) dots[i] = set_lanes(tokens.fours[t + i].start[block]);
#pragma GCC unroll 8
  for (std::uint32_t four = 0; four < 8; ++four)
#pragma GCC unroll 4
    for (std::uint32_t i = 0; i < T; ++i)
      dots[i] = dot_add_four(dots[i], codes[four], tokens.fours[t + i].four(block, four));
#pragma GCC unroll 4
  for (std::uint32_t i = 0; i < T; ++i) {
    float* const sum = tokens.sums[block][t + i];
    _mm512_store_ps(sum, add_block(dots[i], row_scales, tokens.fours[t + i].scales + block,
                                   _mm512_load_ps(sum)));
  }
}

// n <= kNibbleTokens tokens; `next`, if any, is fetched meanwhile.
HWY_INLINE void dot_nibbles_of(const std::byte* tile, const std::byte* next, std::uint32_t n_units,
                               const Activations& x, const std::uint32_t* ids, std::uint32_t n,
                               float* out) {
  const VecI low = _mm512_set1_epi8(15);
  NibbleTokens tokens;
  for (std::uint32_t block = 0; block < kUnitBlocks; ++block)
    for (std::uint32_t t = 0; t < n; ++t)
      _mm512_store_ps(tokens.sums[block][t], _mm512_setzero_ps());
  for (std::uint32_t unit = 0; unit < n_units; ++unit) {
    for (std::uint32_t t = 0; t < n; ++t)
      tokens.fours[t].load(x, std::size_t{ids[t]} * n_units + unit);
    for (std::uint32_t block = 0; block < kUnitBlocks; ++block) {
      const std::size_t at = (unit * kUnitPairs + block / 2) * kNibblePairBytes;
      if (next != nullptr && block % 2 == 0) fetch_lines(next + at, 0, kNibblePairBytes);
      VecI codes[8];
#pragma GCC unroll 4
      for (std::uint32_t v = 0; v < 4; ++v) {
        const VecI both = in_register(load_ints(nibbles_of(tile + at, block % 2) + v * kIntBytes));
        codes[v] = _mm512_and_si512(both, low);
        codes[v + 4] = _mm512_and_si512(shift_right<4>(both), low);
      }
      const __m512 row_scales = F16Row::load(scales_of(tile + at, block % 2), 0).raw;
      std::uint32_t t = 0;
      for (; t + kTokensBeside <= n; t += kTokensBeside)
        add_tokens<kTokensBeside>(codes, row_scales, block, t, tokens);
      for (; t < n; ++t) add_tokens<1>(codes, row_scales, block, t, tokens);
    }
  }
  for (std::uint32_t t = 0; t < n; ++t) {
    __m512 sums[kUnitBlocks];
    for (std::uint32_t block = 0; block < kUnitBlocks; ++block)
      sums[block] = _mm512_load_ps(tokens.sums[block][t]);
    _mm512_storeu_ps(out + std::size_t{t} * kTileRows, total_of(sums));
  }
}

void dot_nibble_lanes(const std::byte* tile, const std::byte* next, std::uint32_t cols,
                      const Activations& x, const std::uint32_t* tokens, std::uint32_t n_tokens,
                      float* out) {
  const std::uint32_t n_units = cols / kUnit;
  std::uint32_t t = 0;
  while (n_tokens - t >= kTokensBeside) {
    const std::uint32_t n = n_tokens - t < kNibbleTokens ? n_tokens - t : kNibbleTokens;
    dot_nibbles_of(tile, t == 0 ? next : nullptr, n_units, x, tokens + t, n,
                   out + std::size_t{t} * kTileRows);
    t += n;
  }
  for (; t < n_tokens; ++t)
    dot_nibbles(tile, t == 0 && next != nullptr ? next : tile, n_units, x, tokens[t],
                out + std::size_t{t} * kTileRows);
}

}  // namespace
}  // namespace synfire::cpu
