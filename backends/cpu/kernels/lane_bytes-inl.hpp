// Products of long Q8_0 rows that are lanes (backends/cpu/lane_rows.hpp), at the avx512 level.
// Included by level-inl.hpp only.
//
// Sums are those of Q4_0 (lane_nibbles-inl.hpp): one for each of the 8 blocks of a unit, so the
// bits are those of packed rows, of one token or of many.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::size_t kByteBlockBytes = kNibbleScaleBytes + kTileRows * 32;
constexpr std::size_t kByteUnitBytes = kUnitBlocks * kByteBlockBytes;
// How far ahead of a single token's stream lines are fetched.
constexpr std::size_t kBytesAhead = 1024;
// Tokens that share the codes of a block; their sums are in registers.
constexpr std::uint32_t kByteTokens = 8;

// A block of a token.
struct FoursOfBlock {
  const std::int8_t* quants;  // fours: 8 blocks apart
  const float* scale;
  std::int32_t start;  // minus zero point times sum

  HWY_INLINE FoursOfBlock(const Activations& x, std::size_t unit, std::uint32_t block)
      : quants(x.quants + unit * kUnit + block * 4),
        scale(x.scales + unit * kUnitBlocks + block),
        start(-kQ8Zero * (x.sums[unit * 16 + block] + x.sums[unit * 16 + kUnitBlocks + block])) {}
  [[nodiscard]] HWY_INLINE const std::int8_t* four(std::uint32_t i) const {
    return quants + i * (4 * kUnitBlocks);
  }
};

HWY_INLINE VecI codes_of(const std::byte* block, std::uint32_t four) {
  return load_q8(block + kNibbleScaleBytes + four * kIntBytes);
}

// sum + the products of a block with a token.
HWY_INLINE __m512 add_bytes(const std::byte* block, const FoursOfBlock& x, __m512 sum) {
  VecI dots = set_lanes(x.start);
#pragma GCC unroll 8
  for (std::uint32_t four = 0; four < 8; ++four)
    dots = dot_add_four(dots, codes_of(block, four), x.four(four));
  return add_block(dots, F16Row::load(block, 0).raw, x.scale, sum);
}

// `next`: the tile that follows.
HWY_INLINE void dot_bytes(const std::byte* tile, const std::byte* next, std::uint32_t n_units,
                          const Activations& x, std::uint32_t token, float* out) {
  const std::size_t end = n_units * kByteUnitBytes;
  const std::byte* block = tile;
  std::size_t ahead = kBytesAhead;
  __m512 sums[kUnitBlocks];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (std::uint32_t unit = 0; unit < n_units; ++unit)
    for_indices<kUnitBlocks>([&](auto b) __attribute__((always_inline)) {
      fetch_lines(ahead < end ? tile + ahead : next + (ahead - end), 0, kByteBlockBytes);
      const FoursOfBlock of_token(x, std::size_t{token} * n_units + unit, b.value);
      sums[b.value] = add_bytes(block, of_token, sums[b.value]);
      block += kByteBlockBytes;
      ahead += kByteBlockBytes;
    });
  _mm512_storeu_ps(out, total_of(sums));
}

// T tokens; `next`, if any, is fetched meanwhile. A block of all units after the other.
template <std::uint32_t T>
HWY_INLINE void dot_bytes_of(const std::byte* tile, const std::byte* next, std::uint32_t n_units,
                             const Activations& x, const std::uint32_t* ids, float* out) {
  alignas(64) float of_blocks[kUnitBlocks][T][kTileRows];
  std::size_t fetched = 0;
  for (std::uint32_t b = 0; b < kUnitBlocks; ++b) {
    __m512 sums[T];
    for (__m512& sum : sums) sum = _mm512_setzero_ps();
#pragma GCC unroll 1
    for (std::uint32_t unit = 0; unit < n_units; ++unit, fetched += kByteBlockBytes) {
      fetch_lines(next, fetched, fetched + kByteBlockBytes);
      const std::byte* const block = tile + unit * kByteUnitBytes + b * kByteBlockBytes;
      VecI codes[8], dots[T];
#pragma GCC unroll 8
      for (std::uint32_t four = 0; four < 8; ++four)
        codes[four] = in_register(codes_of(block, four));
      const __m512 row_scales = F16Row::load(block, 0).raw;
#pragma GCC unroll 8
      for (std::uint32_t t = 0; t < T; ++t) {
        const FoursOfBlock of_token(x, std::size_t{ids[t]} * n_units + unit, b);
        dots[t] = set_lanes(of_token.start);
#pragma GCC unroll 8
        for (std::uint32_t four = 0; four < 8; ++four)
          dots[t] = dot_add_four(dots[t], codes[four], of_token.four(four));
        sums[t] = add_block(dots[t], row_scales, of_token.scale, sums[t]);
      }
    }
#pragma GCC unroll 8
    for (std::uint32_t t = 0; t < T; ++t) _mm512_store_ps(of_blocks[b][t], sums[t]);
  }
  store_totals<T>(of_blocks, out);
}

void dot_byte_lanes(const std::byte* tile, const std::byte* next, std::uint32_t cols,
                    const Activations& x, const std::uint32_t* tokens, std::uint32_t n_tokens,
                    float* out) {
  if (cols <= kUnit) return dot_lanes<Q8Lanes>(tile, next, cols, x, tokens, n_tokens, out);
  const std::uint32_t n_units = cols / kUnit;
  if (n_tokens == 1)
    return dot_bytes(tile, next != nullptr ? next : tile, n_units, x, tokens[0], out);
  std::uint32_t t = 0;
  const auto take = [&](auto count) __attribute__((always_inline)) {
    dot_bytes_of<count.value>(tile, t == 0 ? next : nullptr, n_units, x, tokens + t,
                              out + std::size_t{t} * kTileRows);
    t += count.value;
  };
  while (t + kByteTokens <= n_tokens) take(Index<kByteTokens>());
  if (t + 4 <= n_tokens) take(Index<4>());
  if (t + 2 <= n_tokens) take(Index<2>());
  if (t < n_tokens) take(Index<1>());
}

}  // namespace
}  // namespace synfire::cpu
