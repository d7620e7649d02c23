// Dot products of rows of signs, one bit each, with 8-bit activations. Included by level-inl.hpp
// only.
//
// A token has one float scale; each of its blocks of 32 multiplies it by a whole number of 1 to
// 127. So everything between the signs and the last multiplication is exact in integers (a lane of
// 8 takes 2^20 elements: 2^20 / 8 x 127 x 127 < 2^31), and the same on every SIMD level.
#pragma once

#include <immintrin.h>

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kSignRows = 8;  // rows at once: each has one accumulator

// One row of x to quants and the multipliers of their blocks, a byte for each element; returns the
// scale: x ~ scale * multiplier * quant. n is a multiple of 32.
float sign_quantize(const float* x, std::uint32_t n, std::int8_t* quants,
                    std::uint8_t* multipliers) {
  const hn::Rebind<std::int8_t, Floats> narrow;
  const auto largest_of = [](const float* from, std::uint32_t count) {
    VecF largest = hn::Zero(kFloats);
    for (std::uint32_t i = 0; i < count; i += kLanes)
      largest = hn::Max(largest, hn::Abs(hn::LoadU(kFloats, from + i)));
    return hn::GetLane(hn::MaxOfLanes(kFloats, largest));
  };
  const float scale = largest_of(x, n) / (127.0f * 127.0f);
  for (std::uint32_t b = 0; b < n; b += 32) {
    const float steps = scale > 0 ? largest_of(x + b, 32) / (127.0f * scale) : 0.0f;
    // The least whole number at which the block's largest element still fits.
    auto multiplier = static_cast<std::int32_t>(steps);
    multiplier += static_cast<float>(multiplier) < steps || multiplier == 0 ? 1 : 0;
    multiplier = multiplier > 127 ? 127 : multiplier;
    __builtin_memset(multipliers + b, multiplier, 32);
    const float step = scale * static_cast<float>(multiplier);
    const VecF inverse = hn::Set(kFloats, step > 0 ? 1.0f / step : 0.0f);
    const VecF limit = hn::Set(kFloats, 127.0f);
    for (std::uint32_t i = b; i < b + 32; i += kLanes) {
      const VecF scaled = hn::Mul(hn::LoadU(kFloats, x + i), inverse);
      const VecF clamped = hn::Max(hn::Neg(limit), hn::Min(scaled, limit));
      hn::StoreU(hn::DemoteTo(narrow, hn::NearestInt(clamped)), narrow, quants + i);
    }
  }
  return scale;
}

#ifdef __AVX512F__

// acc += 16 sums of 4 products of multipliers and of quants with their signs.
HWY_INLINE __m512i add_signed(__m512i acc, __m512i quants, __m512i multipliers, __mmask64 minus) {
  const __m512i applied = _mm512_mask_sub_epi8(quants, minus, _mm512_setzero_si512(), quants);
  return _mm512_dpbusd_epi32(acc, multipliers, applied);
}

HWY_INLINE float sum_of_lanes(__m512i v) {
  const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(v));
  const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(v, 1));
  return static_cast<float>(_mm512_reduce_add_epi64(_mm512_add_epi64(low, high)));
}

template <std::uint32_t R>
HWY_INLINE void sign_rows(const std::byte* rows, std::size_t row_bytes, std::uint32_t n,
                          const std::int8_t* quants, const std::uint8_t* multipliers, float scale,
                          float* out) {
  __m512i acc[R];
#pragma GCC unroll 8
  for (std::uint32_t r = 0; r < R; ++r) acc[r] = _mm512_setzero_si512();
  std::uint32_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const __m512i x = _mm512_loadu_si512(quants + i);
    const __m512i m = _mm512_loadu_si512(multipliers + i);
#pragma GCC unroll 8
    for (std::uint32_t r = 0; r < R; ++r) {
      std::uint64_t bits;
      __builtin_memcpy(&bits, rows + r * row_bytes + i / 8, sizeof bits);
      acc[r] = add_signed(acc[r], x, m, bits);
    }
  }
  if (i < n) {  // one block of 32 is left
    const __m512i x = _mm512_maskz_loadu_epi8(0xffffffff, quants + i);
    const __m512i m = _mm512_maskz_loadu_epi8(0xffffffff, multipliers + i);
#pragma GCC unroll 8
    for (std::uint32_t r = 0; r < R; ++r) {
      std::uint32_t bits;
      __builtin_memcpy(&bits, rows + r * row_bytes + i / 8, sizeof bits);
      acc[r] = add_signed(acc[r], x, m, bits);
    }
  }
#pragma GCC unroll 8
  for (std::uint32_t r = 0; r < R; ++r) out[r] = scale * sum_of_lanes(acc[r]);
}

#else

HWY_INLINE __m256i add_signed(__m256i acc, __m256i quants, __m256i multipliers,
                              std::uint32_t minus) {
  const __m256i bytes =
      _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<std::int32_t>(minus)),
                          _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                           2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
  const __m256i is_minus = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);  // 0 or -1
  const __m256i applied = _mm256_sub_epi8(_mm256_xor_si256(quants, is_minus), is_minus);
#ifdef __AVXVNNI__
  return _mm256_dpbusd_avx_epi32(acc, multipliers, applied);
#else
  const __m256i pairs = _mm256_maddubs_epi16(multipliers, applied);  // 2 x 127 x 127 fits
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

HWY_INLINE float sum_of_lanes(__m256i v) {
  const __m256i sums = _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(v)),
                                        _mm256_cvtepi32_epi64(_mm256_extracti128_si256(v, 1)));
  const __m128i pair =
      _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  return static_cast<float>(_mm_extract_epi64(pair, 0) + _mm_extract_epi64(pair, 1));
}

template <std::uint32_t R>
HWY_INLINE void sign_rows(const std::byte* rows, std::size_t row_bytes, std::uint32_t n,
                          const std::int8_t* quants, const std::uint8_t* multipliers, float scale,
                          float* out) {
  __m256i acc[R];
#pragma GCC unroll 8
  for (std::uint32_t r = 0; r < R; ++r) acc[r] = _mm256_setzero_si256();
  for (std::uint32_t i = 0; i < n; i += 32) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + i));
    const __m256i m = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(multipliers + i));
#pragma GCC unroll 8
    for (std::uint32_t r = 0; r < R; ++r) {
      std::uint32_t bits;
      __builtin_memcpy(&bits, rows + r * row_bytes + i / 8, sizeof bits);
      acc[r] = add_signed(acc[r], x, m, bits);
    }
  }
#pragma GCC unroll 8
  for (std::uint32_t r = 0; r < R; ++r) out[r] = scale * sum_of_lanes(acc[r]);
}

#endif

void sign_dot(const std::byte* rows, std::size_t row_bytes, std::uint32_t n_rows, std::uint32_t n,
              const std::int8_t* quants, const std::uint8_t* multipliers, float scale, float* out) {
  std::uint32_t r = 0;
  for (; r + kSignRows <= n_rows; r += kSignRows)
    sign_rows<kSignRows>(rows + r * row_bytes, row_bytes, n, quants, multipliers, scale, out + r);
  for (; r < n_rows; ++r)
    sign_rows<1>(rows + r * row_bytes, row_bytes, n, quants, multipliers, scale, out + r);
}

}  // namespace
}  // namespace synfire::cpu
