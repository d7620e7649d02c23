// Integer vectors of the avx512 level. Included by level-inl.hpp only.
//
// A vector holds 32 bytes of row r in its lower half and 32 bytes of row r + 8 in its upper half,
// so 8 vectors hold one block of each of 16 rows. Per-row results come as 16 lanes, lane = row.
#pragma once

#include <immintrin.h>

namespace synfire::cpu {
namespace {

using VecI = __m512i;
constexpr std::uint32_t kRowLanes = 16;
constexpr std::int32_t kQ8Zero = 128;  // load_q8 gives quant + 128, unsigned

HWY_INLINE VecI ints(std::int32_t value) { return _mm512_set1_epi32(value); }
HWY_INLINE VecI add_ints(VecI a, VecI b) { return _mm512_add_epi32(a, b); }
HWY_INLINE VecI subtract_ints(VecI a, VecI b) { return _mm512_sub_epi32(a, b); }
HWY_INLINE VecI multiply_ints(VecI a, VecI b) { return _mm512_mullo_epi32(a, b); }
HWY_INLINE VecF to_floats(VecI a) { return VecF{_mm512_cvtepi32_ps(a)}; }
HWY_INLINE VecI load_ints(const void* from) { return _mm512_loadu_si512(from); }
HWY_INLINE void store_ints(VecI value, void* to) { _mm512_storeu_si512(to, value); }

// Rows of a block, at the same offset.
HWY_INLINE VecI load_pair(const std::byte* row, const std::byte* row8) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row8));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
HWY_INLINE VecI load_q8(const std::byte* const* rows, int r, std::size_t offset) {
  return _mm512_xor_si512(load_pair(rows[r] + offset, rows[r + 8] + offset),
                          _mm512_set1_epi8(static_cast<char>(0x80)));
}
// 16 bytes of nibbles: low ones to elements 0..15, high ones to 16..31.
HWY_INLINE VecI load_nibbles(const std::byte* const* rows, int r, std::size_t offset) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r] + offset));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r + 8] + offset));
  const __m512i both = _mm512_mask_broadcast_i32x4(_mm512_broadcast_i32x4(low), 0xff00, high);
  const __m512i shifts = _mm512_set_epi64(4, 4, 0, 0, 4, 4, 0, 0);
  return _mm512_and_si512(_mm512_srlv_epi64(both, shifts), _mm512_set1_epi8(15));
}
// Quants of 6 bits: the nibbles of 32 bytes at `low`, bit pairs of 32 bytes at `high`.
HWY_INLINE VecI load_sixes(const std::byte* const* rows, int r, std::size_t low, int low_shift,
                           std::size_t high, int high_shift) {
  const __m512i nibbles = _mm512_and_si512(
      _mm512_srl_epi16(load_pair(rows[r] + low, rows[r + 8] + low), _mm_cvtsi32_si128(low_shift)),
      _mm512_set1_epi8(15));
  const __m512i pairs =
      _mm512_and_si512(_mm512_srl_epi16(load_pair(rows[r] + high, rows[r + 8] + high),
                                        _mm_cvtsi32_si128(high_shift)),
                       _mm512_set1_epi8(3));
  return _mm512_or_si512(nibbles, _mm512_slli_epi16(pairs, 4));
}

// The 32 quants of a block for every row of a vector; 4 quants for every lane.
HWY_INLINE VecI broadcast_block(const std::int8_t* quants) {
  return _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants)));
}
HWY_INLINE VecI broadcast_four(const std::int8_t* quants) {
  std::int32_t four;
  __builtin_memcpy(&four, quants, sizeof four);
  return _mm512_set1_epi32(four);
}

// sum[i] += dot of 4 unsigned weights and 4 signed quants.
HWY_INLINE VecI dot_add(VecI sum, VecI weights, VecI quants) {
  return _mm512_dpbusd_epi32(sum, weights, quants);
}
HWY_INLINE VecI dot_add_q8(VecI sum, VecI weights, VecI quants) {
  return _mm512_dpbusd_epi32(sum, weights, quants);
}

// The two 256-bit halves' first (or second) 128 bits of a, then of b, so that rows come in order.
HWY_INLINE VecI rows_of_first(VecI a, VecI b) {
  return _mm512_permutex2var_epi64(a, _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0), b);
}
HWY_INLINE VecI rows_of_second(VecI a, VecI b) {
  return _mm512_permutex2var_epi64(a, _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2), b);
}
HWY_INLINE VecI unpack_low32(VecI a, VecI b) { return _mm512_unpacklo_epi32(a, b); }
HWY_INLINE VecI unpack_high32(VecI a, VecI b) { return _mm512_unpackhi_epi32(a, b); }
HWY_INLINE VecI unpack_low64(VecI a, VecI b) { return _mm512_unpacklo_epi64(a, b); }
HWY_INLINE VecI unpack_high64(VecI a, VecI b) { return _mm512_unpackhi_epi64(a, b); }

// One value of each row, at the same offset.
HWY_INLINE long long pack_four(const std::byte* const* rows, std::size_t offset) {
  std::uint16_t halves[4];
  for (int r = 0; r < 4; ++r) __builtin_memcpy(&halves[r], rows[r] + offset, sizeof halves[r]);
  return static_cast<long long>(std::uint64_t{halves[0]} | std::uint64_t{halves[1]} << 16 |
                                std::uint64_t{halves[2]} << 32 | std::uint64_t{halves[3]} << 48);
}
HWY_INLINE VecF load_f16_of_rows(const std::byte* const* rows, std::size_t offset) {
  return VecF{_mm512_cvtph_ps(
      _mm256_setr_epi64x(pack_four(rows, offset), pack_four(rows + 4, offset),
                         pack_four(rows + 8, offset), pack_four(rows + 12, offset)))};
}
HWY_INLINE VecI load_i8_of_rows(const std::byte* const* rows, std::size_t offset) {
  alignas(16) std::int8_t values[16];
  for (int r = 0; r < 16; ++r) values[r] = static_cast<std::int8_t>(rows[r][offset]);
  return _mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(values)));
}

}  // namespace
}  // namespace synfire::cpu
