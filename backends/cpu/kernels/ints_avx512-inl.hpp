// Integer vectors of the avx512 level. Included by level-inl.hpp only.
//
// A vector holds 64 quants of a unit; each of its 16 lanes belongs to block (lane % 8).
#pragma once

#include <immintrin.h>

namespace synfire::cpu {
namespace {

using VecI = __m512i;
constexpr std::uint32_t kIntBytes = 64;
constexpr std::int32_t kQ8Zero = 128;  // load_q8 gives quant + 128, unsigned

HWY_INLINE VecI no_ints() { return _mm512_setzero_si512(); }
HWY_INLINE VecI set_lanes(std::int32_t value) { return _mm512_set1_epi32(value); }
HWY_INLINE VecI load_ints(const void* from) { return _mm512_loadu_si512(from); }
HWY_INLINE void store_ints(VecI value, void* to) { _mm512_storeu_si512(to, value); }
// Loaded once: g++ 12 reads a vector that two instructions take from memory twice.
HWY_INLINE VecI in_register(VecI a) {
  __asm__("" : "+v"(a));
  return a;
}
HWY_INLINE VecI load_q8(const std::byte* from) {
  return _mm512_xor_si512(load_ints(from), _mm512_set1_epi8(static_cast<char>(0x80)));
}
HWY_INLINE VecF to_floats(VecI a) { return VecF{_mm512_cvtepi32_ps(a)}; }
HWY_INLINE VecI low_bits(VecI a, int mask) {
  return _mm512_and_si512(a, _mm512_set1_epi8(static_cast<char>(mask)));
}
template <int N>
HWY_INLINE VecI shift_right(VecI a) {
  return _mm512_srli_epi16(a, N);
}
// The low nibbles of 32 bytes, then the high ones. V: 0, the only vector.
template <std::uint32_t V>
HWY_INLINE VecI nibbles_of_32(const std::byte* from) {
  static_assert(V == 0);
  const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return low_bits(_mm512_inserti64x4(_mm512_castsi256_si512(both), _mm256_srli_epi16(both, 4), 1),
                  15);
}
template <int N>
HWY_INLINE VecI shift_left(VecI a) {
  return _mm512_slli_epi16(a, N);
}
// Of 32-bit lanes.
template <int N>
HWY_INLINE VecI shift_left_lanes(VecI a) {
  return _mm512_slli_epi32(a, N);
}
HWY_INLINE VecI or_ints(VecI a, VecI b) { return _mm512_or_si512(a, b); }
HWY_INLINE VecI add_ints(VecI a, VecI b) { return _mm512_add_epi32(a, b); }
// Bytes of `value` where the bits at `from` are set.
HWY_INLINE VecI spread_bits(const std::byte* from, int value) {
  __mmask64 mask;
  __builtin_memcpy(&mask, from, sizeof mask);
  return _mm512_maskz_set1_epi8(mask, static_cast<char>(value));
}

// sum[i] += dot of 4 unsigned weights and 4 signed quants.
HWY_INLINE VecI dot_add(VecI sum, VecI weights, VecI quants) {
  return _mm512_dpbusd_epi32(sum, weights, quants);
}
HWY_INLINE VecI dot_add_q8(VecI sum, VecI weights, VecI quants) {
  return _mm512_dpbusd_epi32(sum, weights, quants);
}

// sum[i] += dot of 4 unsigned weights of lane i and the 4 quants at `four`.
HWY_INLINE VecI dot_add_four(VecI sum, VecI weights, const std::int8_t* four) {
  struct Four {
    std::int8_t values[4];
  };
  __asm__("vpdpbusd %2%{1to16%}, %1, %0"
          : "+v"(sum)
          : "v"(weights), "m"(*reinterpret_cast<const Four*>(four)));
  return sum;
}

// sum[i] += dot of two signed 16-bit integers of lane i and the two at `pair`. g++ 12 makes two
// instructions of the intrinsic and copies every sum, which costs a quarter of the speed.
HWY_INLINE VecI dot_add_pair(VecI sum, VecI a, const std::int16_t* pair) {
  struct Pair {
    std::int16_t values[2];
  };
  __asm__("vpdpwssd %2%{1to16%}, %1, %0"
          : "+v"(sum)
          : "v"(a), "m"(*reinterpret_cast<const Pair*>(pair)));
  return sum;
}
// Likewise, `factors` from a register.
HWY_INLINE VecI dot_add_pairs(VecI sum, VecI a, VecI factors) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(factors));
  return sum;
}
// 32-bit integers, rounded to nearest even, of two vectors as 16-bit ones, in fours in turns.
HWY_INLINE VecI to_shorts(VecF a, VecF b) {
  return _mm512_packs_epi32(_mm512_cvtps_epi32(a.raw), _mm512_cvtps_epi32(b.raw));
}

// sum[i] += sum of 4 quants, negative where the bit at `minus` is set.
HWY_INLINE VecI add_signed(VecI sum, VecI quants, const std::byte* minus) {
  __mmask64 mask;
  __builtin_memcpy(&mask, minus, sizeof mask);
  const __m512i applied = _mm512_mask_sub_epi8(quants, mask, no_ints(), quants);
  return _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), applied);
}

HWY_INLINE VecI times(VecI a, std::int32_t factor) {
  return _mm512_mullo_epi32(a, set_lanes(factor));
}

// The sums of 8 blocks in one lane of each, zero in the other.
HWY_INLINE VecI block_sums(const std::int32_t* sums) {
  return _mm512_zextsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums)));
}
// The values of 8 blocks, one for each lane.
HWY_INLINE VecF for_lanes(__m256 blocks) { return VecF{_mm512_broadcast_f32x8(blocks)}; }
// The two lanes of each block, added.
HWY_INLINE __m256i fold_lanes(VecI a) {
  return _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
}

}  // namespace
}  // namespace synfire::cpu
