// Dot products of rows of signs, one bit each, with 8-bit activations. Included by level-inl.hpp
// only.
//
// For every block of 32: the quants with their signs applied, summed four by four as integers, then
// one fused multiply-add into the row's float accumulator, blocks in rising order.
#pragma once

#include <immintrin.h>

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kSignRows = 4;  // rows at once: each has one accumulator

#ifdef __AVX512F__

// Two blocks of quants, the signs of 64 of them applied, as 16 sums of four.
HWY_INLINE __m512i signed_sums(__m512i quants, __mmask64 minus) {
  const __m512i applied = _mm512_mask_sub_epi8(quants, minus, _mm512_setzero_si512(), quants);
  return _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), applied);
}

template <std::uint32_t R>
HWY_INLINE void sign_rows(const std::byte* rows, std::size_t row_bytes, std::uint32_t n_blocks,
                          const std::int8_t* quants, const float* scales, float* out) {
  __m512 acc[R];
#pragma GCC unroll 4
  for (std::uint32_t r = 0; r < R; ++r) acc[r] = _mm512_setzero_ps();
  std::uint32_t b = 0;
  for (; b + 2 <= n_blocks; b += 2) {
    const __m512i x = _mm512_loadu_si512(quants + std::size_t{b} * 32);
    const __m512 scale =
        _mm512_mask_blend_ps(0xff00, _mm512_set1_ps(scales[b]), _mm512_set1_ps(scales[b + 1]));
#pragma GCC unroll 4
    for (std::uint32_t r = 0; r < R; ++r) {
      std::uint64_t bits;
      __builtin_memcpy(&bits, rows + r * row_bytes + std::size_t{b} * 4, sizeof bits);
      acc[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(signed_sums(x, bits)), scale, acc[r]);
    }
  }
  if (b < n_blocks) {
    const __m512i x = _mm512_zextsi256_si512(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + std::size_t{b} * 32)));
    const __m512 scale = _mm512_set1_ps(scales[b]);
#pragma GCC unroll 4
    for (std::uint32_t r = 0; r < R; ++r) {
      std::uint32_t bits;
      __builtin_memcpy(&bits, rows + r * row_bytes + std::size_t{b} * 4, sizeof bits);
      acc[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(signed_sums(x, bits)), scale, acc[r]);
    }
  }
#pragma GCC unroll 4
  for (std::uint32_t r = 0; r < R; ++r) out[r] = hn::GetLane(hn::SumOfLanes(kFloats, VecF{acc[r]}));
}

#else

// One block of quants, its signs applied, as 8 sums of four.
HWY_INLINE __m256i signed_sums(__m256i quants, std::uint32_t minus) {
  const __m256i bytes =
      _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<std::int32_t>(minus)),
                          _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                           2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
  const __m256i is_minus = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);  // 0 or -1
  const __m256i ones = _mm256_set1_epi8(1);
  const __m256i applied = _mm256_sign_epi8(quants, _mm256_or_si256(is_minus, ones));
  return _mm256_madd_epi16(_mm256_maddubs_epi16(ones, applied), _mm256_set1_epi16(1));
}

template <std::uint32_t R>
HWY_INLINE void sign_rows(const std::byte* rows, std::size_t row_bytes, std::uint32_t n_blocks,
                          const std::int8_t* quants, const float* scales, float* out) {
  __m256 acc[R];
#pragma GCC unroll 4
  for (std::uint32_t r = 0; r < R; ++r) acc[r] = _mm256_setzero_ps();
  for (std::uint32_t b = 0; b < n_blocks; ++b) {
    const __m256i x =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + std::size_t{b} * 32));
    const __m256 scale = _mm256_set1_ps(scales[b]);
#pragma GCC unroll 4
    for (std::uint32_t r = 0; r < R; ++r) {
      std::uint32_t bits;
      __builtin_memcpy(&bits, rows + r * row_bytes + std::size_t{b} * 4, sizeof bits);
      acc[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(signed_sums(x, bits)), scale, acc[r]);
    }
  }
#pragma GCC unroll 4
  for (std::uint32_t r = 0; r < R; ++r) out[r] = hn::GetLane(hn::SumOfLanes(kFloats, VecF{acc[r]}));
}

#endif

void sign_dot(const std::byte* rows, std::size_t row_bytes, std::uint32_t n_rows,
              std::uint32_t n_blocks, const std::int8_t* quants, const float* scales, float* out) {
  std::uint32_t r = 0;
  for (; r + kSignRows <= n_rows; r += kSignRows)
    sign_rows<kSignRows>(rows + r * row_bytes, row_bytes, n_blocks, quants, scales, out + r);
  for (; r < n_rows; ++r)
    sign_rows<1>(rows + r * row_bytes, row_bytes, n_blocks, quants, scales, out + r);
}

}  // namespace
}  // namespace synfire::cpu
