// Integer vectors of the avx2 level, with AVX-VNNI where the unit is compiled for it. Included by
// level-inl.hpp only.
//
// A vector holds 32 quants of a unit; each of its 8 lanes belongs to one block.
#pragma once

#include <immintrin.h>

namespace synfire::cpu {
namespace {

using VecI = __m256i;
constexpr std::uint32_t kIntBytes = 32;

HWY_INLINE VecI no_ints() { return _mm256_setzero_si256(); }
HWY_INLINE VecI set_lanes(std::int32_t value) { return _mm256_set1_epi32(value); }
HWY_INLINE VecI load_ints(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
HWY_INLINE void store_ints(VecI value, void* to) {
  _mm256_storeu_si256(static_cast<__m256i*>(to), value);
}
// As at the avx512 level.
HWY_INLINE VecI in_register(VecI a) {
  __asm__("" : "+x"(a));
  return a;
}
HWY_INLINE VecF to_floats(VecI a) { return VecF{_mm256_cvtepi32_ps(a)}; }
HWY_INLINE VecI low_bits(VecI a, int mask) {
  return _mm256_and_si256(a, _mm256_set1_epi8(static_cast<char>(mask)));
}
template <int N>
HWY_INLINE VecI shift_right(VecI a) {
  return _mm256_srli_epi16(a, N);
}
// The low nibbles of 32 bytes (V: 0), or the high ones (1).
template <std::uint32_t V>
HWY_INLINE VecI nibbles_of_32(const std::byte* from) {
  static_assert(V < 2);
  return low_bits(shift_right<4 * V>(load_ints(from)), 15);
}
template <int N>
HWY_INLINE VecI shift_left(VecI a) {
  return _mm256_slli_epi16(a, N);
}
HWY_INLINE VecI or_ints(VecI a, VecI b) { return _mm256_or_si256(a, b); }
HWY_INLINE VecI add_ints(VecI a, VecI b) { return _mm256_add_epi32(a, b); }
// Bytes of `value` where the bits at `from` are set.
HWY_INLINE VecI spread_bits(const std::byte* from, int value) {
  std::int32_t bits;
  __builtin_memcpy(&bits, from, sizeof bits);
  const __m256i bytes = _mm256_shuffle_epi8(
      _mm256_set1_epi32(bits),
      _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  const __m256i which = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, which), which);
  return _mm256_and_si256(set, _mm256_set1_epi8(static_cast<char>(value)));
}

// sum[i] += dot of 4 unsigned weights (at most 63) and 4 signed quants.
// dot_add_q8: weights as load_q8 gives them. All products and sums are exact.
#ifdef __AVXVNNI__
constexpr std::int32_t kQ8Zero = 128;  // load_q8 gives quant + 128, unsigned
HWY_INLINE VecI load_q8(const std::byte* from) {
  return _mm256_xor_si256(load_ints(from), _mm256_set1_epi8(static_cast<char>(0x80)));
}
HWY_INLINE VecI dot_add(VecI sum, VecI weights, VecI quants) {
  return _mm256_dpbusd_avx_epi32(sum, weights, quants);
}
HWY_INLINE VecI dot_add_q8(VecI sum, VecI weights, VecI quants) {
  return _mm256_dpbusd_avx_epi32(sum, weights, quants);
}
#else
constexpr std::int32_t kQ8Zero = 0;  // signed: quant + 128 would saturate the sums of pairs
HWY_INLINE VecI load_q8(const std::byte* from) { return load_ints(from); }
HWY_INLINE VecI dot_add(VecI sum, VecI weights, VecI quants) {
  const __m256i pairs = _mm256_maddubs_epi16(weights, quants);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
HWY_INLINE VecI dot_add_q8(VecI sum, VecI weights, VecI quants) {
  return dot_add(sum, _mm256_abs_epi8(weights), _mm256_sign_epi8(quants, weights));
}
#endif

// sum[i] += sum of 4 quants, negative where the bit at `minus` is set.
HWY_INLINE VecI add_signed(VecI sum, VecI quants, const std::byte* minus) {
  const __m256i ones = _mm256_set1_epi8(1);
  const __m256i signs = or_ints(spread_bits(minus, -1), ones);
  return dot_add(sum, ones, _mm256_sign_epi8(quants, signs));
}

HWY_INLINE VecI times(VecI a, std::int32_t factor) {
  return _mm256_mullo_epi32(a, set_lanes(factor));
}
HWY_INLINE VecI block_sums(const std::int32_t* sums) { return load_ints(sums); }
HWY_INLINE VecF for_lanes(__m256 blocks) { return VecF{blocks}; }
HWY_INLINE __m256i fold_lanes(VecI a) { return a; }

}  // namespace
}  // namespace synfire::cpu
