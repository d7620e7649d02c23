// Integer vectors of the avx2 level, with AVX-VNNI where the unit is compiled for it. Included by
// level-inl.hpp only.
//
// A vector holds 32 bytes of one row, so 8 vectors hold one block of each of 8 rows. Per-row
// results come as 8 lanes, lane = row.
#pragma once

#include <immintrin.h>

namespace synfire::cpu {
namespace {

using VecI = __m256i;
constexpr std::uint32_t kRowLanes = 8;

HWY_INLINE VecI ints(std::int32_t value) { return _mm256_set1_epi32(value); }
HWY_INLINE VecI add_ints(VecI a, VecI b) { return _mm256_add_epi32(a, b); }
HWY_INLINE VecI subtract_ints(VecI a, VecI b) { return _mm256_sub_epi32(a, b); }
HWY_INLINE VecI multiply_ints(VecI a, VecI b) { return _mm256_mullo_epi32(a, b); }
HWY_INLINE VecF to_floats(VecI a) { return VecF{_mm256_cvtepi32_ps(a)}; }
HWY_INLINE VecI load_ints(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
HWY_INLINE void store_ints(VecI value, void* to) {
  _mm256_storeu_si256(static_cast<__m256i*>(to), value);
}

// 16 bytes of nibbles: low ones to elements 0..15, high ones to 16..31.
HWY_INLINE VecI load_nibbles(const std::byte* const* rows, int r, std::size_t offset) {
  const __m256i both = _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + offset)));
  const __m256i shifts = _mm256_set_epi64x(4, 4, 0, 0);
  return _mm256_and_si256(_mm256_srlv_epi64(both, shifts), _mm256_set1_epi8(15));
}
// Quants of 6 bits: the nibbles of 32 bytes at `low`, bit pairs of 32 bytes at `high`.
HWY_INLINE VecI load_sixes(const std::byte* const* rows, int r, std::size_t low, int low_shift,
                           std::size_t high, int high_shift) {
  const __m256i nibbles =
      _mm256_and_si256(_mm256_srl_epi16(load_ints(rows[r] + low), _mm_cvtsi32_si128(low_shift)),
                       _mm256_set1_epi8(15));
  const __m256i pairs =
      _mm256_and_si256(_mm256_srl_epi16(load_ints(rows[r] + high), _mm_cvtsi32_si128(high_shift)),
                       _mm256_set1_epi8(3));
  return _mm256_or_si256(nibbles, _mm256_slli_epi16(pairs, 4));
}

// The 32 quants of a block; 4 quants for every lane.
HWY_INLINE VecI broadcast_block(const std::int8_t* quants) { return load_ints(quants); }
HWY_INLINE VecI broadcast_four(const std::int8_t* quants) {
  std::int32_t four;
  __builtin_memcpy(&four, quants, sizeof four);
  return _mm256_set1_epi32(four);
}

// sum[i] += dot of 4 unsigned weights (at most 63) and 4 signed quants.
// dot_add_q8: weights as load_q8 gives them. All products and sums are exact.
#ifdef __AVXVNNI__
constexpr std::int32_t kQ8Zero = 128;  // load_q8 gives quant + 128, unsigned
HWY_INLINE VecI load_q8(const std::byte* const* rows, int r, std::size_t offset) {
  return _mm256_xor_si256(load_ints(rows[r] + offset), _mm256_set1_epi8(static_cast<char>(0x80)));
}
HWY_INLINE VecI dot_add(VecI sum, VecI weights, VecI quants) {
  return _mm256_dpbusd_avx_epi32(sum, weights, quants);
}
HWY_INLINE VecI dot_add_q8(VecI sum, VecI weights, VecI quants) {
  return _mm256_dpbusd_avx_epi32(sum, weights, quants);
}
#else
constexpr std::int32_t kQ8Zero = 0;  // signed: quant + 128 would saturate the sums of pairs
HWY_INLINE VecI load_q8(const std::byte* const* rows, int r, std::size_t offset) {
  return load_ints(rows[r] + offset);
}
HWY_INLINE VecI dot_add(VecI sum, VecI weights, VecI quants) {
  const __m256i pairs = _mm256_maddubs_epi16(weights, quants);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
HWY_INLINE VecI dot_add_q8(VecI sum, VecI weights, VecI quants) {
  return dot_add(sum, _mm256_abs_epi8(weights), _mm256_sign_epi8(quants, weights));
}
#endif

// The first (or second) 128 bits of a, then of b, so that rows come in order.
HWY_INLINE VecI rows_of_first(VecI a, VecI b) { return _mm256_permute2x128_si256(a, b, 0x20); }
HWY_INLINE VecI rows_of_second(VecI a, VecI b) { return _mm256_permute2x128_si256(a, b, 0x31); }
HWY_INLINE VecI unpack_low32(VecI a, VecI b) { return _mm256_unpacklo_epi32(a, b); }
HWY_INLINE VecI unpack_high32(VecI a, VecI b) { return _mm256_unpackhi_epi32(a, b); }
HWY_INLINE VecI unpack_low64(VecI a, VecI b) { return _mm256_unpacklo_epi64(a, b); }
HWY_INLINE VecI unpack_high64(VecI a, VecI b) { return _mm256_unpackhi_epi64(a, b); }

// One value of each row, at the same offset.
HWY_INLINE VecF load_f16_of_rows(const std::byte* const* rows, std::size_t offset) {
  alignas(16) std::uint16_t halves[8];
  for (int r = 0; r < 8; ++r) __builtin_memcpy(&halves[r], rows[r] + offset, sizeof halves[r]);
  return VecF{_mm256_cvtph_ps(_mm_setr_epi16(
      static_cast<short>(halves[0]), static_cast<short>(halves[1]), static_cast<short>(halves[2]),
      static_cast<short>(halves[3]), static_cast<short>(halves[4]), static_cast<short>(halves[5]),
      static_cast<short>(halves[6]), static_cast<short>(halves[7])))};
}
HWY_INLINE VecI load_i8_of_rows(const std::byte* const* rows, std::size_t offset) {
  alignas(8) std::int8_t values[8];
  for (int r = 0; r < 8; ++r) values[r] = static_cast<std::int8_t>(rows[r][offset]);
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values)));
}

}  // namespace
}  // namespace synfire::cpu
