// Tokens of x to blocks of eight (EightTokens), at the avx512 level. Included by level-inl.hpp
// only.
//
// Scales and quants are those of quantize_floats, bit for bit. Eight tokens are quantized in the
// time of two alone: scales, sums and starts are lanes of vectors.
#pragma once

namespace synfire::cpu {
namespace {

// A block of a token.
struct Halves {
  __m512 low, high;

  HWY_INLINE explicit Halves(const float* x)
      : low(_mm512_loadu_ps(x)), high(_mm512_loadu_ps(x + kLanes)) {}

  // Of each 8 lanes, the largest magnitude of 4.
  [[nodiscard]] HWY_INLINE __m256 magnitudes() const {
    const __m512 both = _mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high));
    return _mm256_max_ps(_mm512_castps512_ps256(both), _mm512_extractf32x8_ps(both, 1));
  }
  [[nodiscard]] HWY_INLINE __m256i quants(float inverse) const {
    const __m512 factor = _mm512_set1_ps(inverse);
    const auto bytes = [&](__m512 half) {
      return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(half, factor)));
    };
    return _mm256_inserti128_si256(_mm256_castsi128_si256(bytes(low)), bytes(high), 1);
  }
};

// rows[i] lane j to rows[j] lane i.
HWY_INLINE void transpose_eight(__m256i (&rows)[kEight]) {
  __m256i fours[kEight];
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    const __m256i a = _mm256_unpacklo_epi32(rows[i], rows[i + 1]),
                  b = _mm256_unpackhi_epi32(rows[i], rows[i + 1]),
                  c = _mm256_unpacklo_epi32(rows[i + 2], rows[i + 3]),
                  d = _mm256_unpackhi_epi32(rows[i + 2], rows[i + 3]);
    fours[i] = _mm256_unpacklo_epi64(a, c);
    fours[i + 1] = _mm256_unpackhi_epi64(a, c);
    fours[i + 2] = _mm256_unpacklo_epi64(b, d);
    fours[i + 3] = _mm256_unpackhi_epi64(b, d);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
    rows[i + 4] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
  }
}

// The largest lane of each.
HWY_INLINE __m256 largest_of(const __m256 (&tokens)[kEight]) {
  __m256i columns[kEight];
#pragma GCC unroll 8
  for (std::uint32_t t = 0; t < kEight; ++t) columns[t] = _mm256_castps_si256(tokens[t]);
  transpose_eight(columns);
  __m256 largest = _mm256_setzero_ps();
#pragma GCC unroll 8
  for (const __m256i& column : columns)
    largest = _mm256_max_ps(largest, _mm256_castsi256_ps(column));
  return largest;
}

// at[t]: a block of token t.
HWY_INLINE void quantize_block(const float* const (&at)[kEight], std::size_t from,
                               EightTokens& block) {
  __m256 magnitudes[kEight];
#pragma GCC unroll 8
  for (std::uint32_t t = 0; t < kEight; ++t) magnitudes[t] = Halves(at[t] + from).magnitudes();
  const __m256 largest = largest_of(magnitudes), most = _mm256_set1_ps(127.0f);
  _mm256_storeu_ps(block.scales, _mm256_div_ps(largest, most));
  alignas(32) float inverses[kEight];
  const __m256 positive = _mm256_cmp_ps(largest, _mm256_setzero_ps(), _CMP_GT_OQ);
  _mm256_store_ps(inverses, _mm256_and_ps(positive, _mm256_div_ps(most, largest)));
  __m256i quants[kEight];
#pragma GCC unroll 8
  for (std::uint32_t t = 0; t < kEight; ++t) quants[t] = Halves(at[t] + from).quants(inverses[t]);
  transpose_eight(quants);
  __m256i sums = _mm256_setzero_si256();
#pragma GCC unroll 8
  for (std::uint32_t four = 0; four < 8; ++four) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(block.quants[four]), quants[four]);
    sums = _mm256_dpbusd_epi32(sums, _mm256_set1_epi8(8), quants[four]);
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(block.starts),
                      _mm256_sub_epi32(_mm256_setzero_si256(), sums));
}

// Places of tokens that there are not are filled with the last one.
void quantize_eight(const float* x, std::size_t stride, std::uint32_t n_tokens,
                    std::uint32_t n_units, std::size_t stride_units, EightTokens* blocks) {
  const float* at[kEight];
  for (std::uint32_t t = 0; t < kEight; ++t) at[t] = x + (t < n_tokens ? t : n_tokens - 1) * stride;
  for (std::uint32_t unit = 0; unit < n_units; ++unit)
    for (std::uint32_t b = 0; b < kUnitBlocks; ++b)
      quantize_block(at, (std::size_t{unit} * kUnitBlocks + b) * 32,
                     blocks[b * stride_units + unit]);
}

}  // namespace
}  // namespace synfire::cpu
