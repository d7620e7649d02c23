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

// The totals of T tokens' sums by block, to out [T, kTileRows].
template <std::uint32_t T>
HWY_INLINE void store_totals(const float (&of_blocks)[kUnitBlocks][T][kTileRows], float* out) {
  for (std::uint32_t t = 0; t < T; ++t) {
    __m512 sums[kUnitBlocks];
    for (std::uint32_t block = 0; block < kUnitBlocks; ++block)
      sums[block] = _mm512_load_ps(of_blocks[block][t]);
    _mm512_storeu_ps(out + std::size_t{t} * kTileRows, total_of(sums));
  }
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

// sums += the products of a block of a pair with T tokens from the t-th of a block of eight on.
template <std::uint32_t T>
HWY_INLINE void add_tokens(const std::byte* pair, std::uint32_t i, const EightTokens& x,
                           std::uint32_t t, __m512 (&sums)[T]) {
  const VecI low = _mm512_set1_epi8(15);
  VecI codes[8];
#pragma GCC unroll 4
  for (std::uint32_t v = 0; v < 4; ++v) {
    const VecI both = in_register(load_ints(nibbles_of(pair, i) + v * kIntBytes));
    codes[v] = in_register(_mm512_and_si512(both, low));
    codes[v + 4] = in_register(_mm512_and_si512(shift_right<4>(both), low));
  }
  VecI dots[T];
#pragma GCC unroll 8
  for (std::uint32_t k = 0; k < T; ++k) dots[k] = set_lanes(x.starts[t + k]);
#pragma GCC unroll 8
  for (std::uint32_t four = 0; four < 8; ++four)
#pragma GCC unroll 8
    for (std::uint32_t k = 0; k < T; ++k)
      dots[k] = dot_add_four(dots[k], codes[four], x.quants[four][t + k]);
  const __m512 row_scales = F16Row::load(scales_of(pair, i), 0).raw;
#pragma GCC unroll 8
  for (std::uint32_t k = 0; k < T; ++k)
    sums[k] = add_block(dots[k], row_scales, &x.scales[t + k], sums[k]);
}

// T tokens from the t-th of `x` [blocks of a unit, units] on. A block of all units after the other,
// so that all sums that are added to meanwhile are in registers.
template <std::uint32_t T>
[[gnu::noinline]] void dot_nibbles_of(const std::byte* tile, const std::byte* next,
                                      std::uint32_t n_units, const EightTokens* x, std::uint32_t t,
                                      float* out) {
  constexpr std::size_t kBlockBytes = kNibblePairBytes / 2;
  alignas(64) float of_blocks[kUnitBlocks][T][kTileRows];
  std::size_t at = 0;
  for (std::uint32_t block = 0; block < kUnitBlocks; ++block) {
    __m512 sums[T];
    for (__m512& sum : sums) sum = _mm512_setzero_ps();
#pragma GCC unroll 1
    for (std::uint32_t unit = 0; unit < n_units; ++unit, at += kBlockBytes) {
      fetch_lines(next, at, at + kBlockBytes);
      add_tokens<T>(tile + (unit * kUnitPairs + block / 2) * kNibblePairBytes, block % 2, *x++, t,
                    sums);
    }
#pragma GCC unroll 8
    for (std::uint32_t k = 0; k < T; ++k) _mm512_store_ps(of_blocks[block][k], sums[k]);
  }
  store_totals<T>(of_blocks, out);
}

// Of n tokens, the first ones that follow each other in a block of eight.
HWY_INLINE std::uint32_t count_beside(const std::uint32_t* tokens, std::uint32_t n) {
  const std::uint32_t left = kEight - tokens[0] % kEight;
  std::uint32_t count = 1;
  while (count < n && count < left && tokens[count] == tokens[0] + count) ++count;
  return count;
}

void dot_nibble_lanes(const std::byte* tile, const std::byte* next, std::uint32_t cols,
                      const Activations& x, const std::uint32_t* tokens, std::uint32_t n_tokens,
                      float* out) {
  const std::uint32_t n_units = cols / kUnit;
  for (std::uint32_t t = 0, n = 1; t < n_tokens; t += n, out += std::size_t{n} * kTileRows) {
    if (x.eights == nullptr) {
      dot_nibbles(tile, t == 0 && next != nullptr ? next : tile, n_units, x, tokens[t], out);
      continue;
    }
    n = count_beside(tokens + t, n_tokens - t);
    const std::uint32_t first = tokens[t];
    const EightTokens* const blocks =
        x.eights + std::size_t{first / kEight} * n_units * kUnitBlocks;
    const std::byte* const fetched = t == 0 ? next : nullptr;
    const auto take = [&](auto count) __attribute__((always_inline)) {
      if (n == count.value)
        dot_nibbles_of<count.value>(tile, fetched, n_units, blocks, first % kEight, out);
    };
    for_indices<kEight>([&](auto i) { take(Index<i.value + 1>()); });
  }
}

}  // namespace
}  // namespace synfire::cpu
