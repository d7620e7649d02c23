// What the kernels need to know of each packed format (backends/cpu/packed_rows.hpp). Included by
// level-inl.hpp only.
//
// code<V>(quants): vector V of a unit's codes as dot_add wants them, kZero above their value; the
// last kVectors / kParts vectors belong to the second part, where there are two. A value is
// scale(part) * (code - kZero) + minimum.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kVectors = kUnit / kIntBytes;  // of a unit
constexpr std::uint32_t kLowVectors = 64 / kIntBytes;  // of 64 places

HWY_INLINE std::uint32_t units_in(std::uint32_t cols) { return (cols + kUnit - 1) / kUnit; }

HWY_INLINE __m256 load_f16s(const std::byte* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
HWY_INLINE __m256 set_f16(const std::byte* from) {
  std::uint16_t bits;
  __builtin_memcpy(&bits, from, sizeof bits);
  return _mm256_set1_ps(_cvtsh_ss(bits));
}
HWY_INLINE __m256 load_u8s(const std::byte* from) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}
HWY_INLINE __m256 load_i8s(const std::byte* from) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}

// Places 128 m .. 128 m + 63 are low nibbles of 64 bytes, the next 64 places the high ones.
template <std::uint32_t V>
HWY_INLINE VecI nibbles(const std::byte* quants) {
  constexpr std::uint32_t kGroup = V / (2 * kLowVectors), kIn = V % (2 * kLowVectors);
  // A vector that is no cache line takes two loads.
  const VecI both = in_register(load_ints(quants + kGroup * 64 + kIn % kLowVectors * kIntBytes));
  if constexpr (kIn < kLowVectors) return low_bits(both, 15);
  return low_bits(shift_right<4>(both), 15);
}

// How far ahead of the dots units are fetched (tests/bench/NOTES.md, "How far ahead"). A unit that
// is long beside its arithmetic comes soonest by the hardware's own fetches, which asking for the
// next pages only disturbs; of a short one too little is asked for so.
constexpr std::uint32_t kLongUnitsAhead = 512, kShortUnitsAhead = 6144;

struct Q8Format {
  static constexpr std::uint32_t kAhead = kLongUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 256, kSideBytes = 16, kParts = 1;
  static constexpr std::int32_t kZero = kQ8Zero;
  static constexpr bool kHasMinimum = false;
  template <std::uint32_t V>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return load_q8(quants + V * kIntBytes);
  }
  HWY_INLINE static __m256 scales(const std::byte* side, int) { return load_f16s(side); }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add_q8(sum, w, x); }
};

struct Q4Format {
  static constexpr std::uint32_t kAhead = kShortUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 128, kSideBytes = 16, kParts = 1;
  static constexpr std::int32_t kZero = 8;
  static constexpr bool kHasMinimum = false;
  template <std::uint32_t V>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return nibbles<V>(quants);
  }
  HWY_INLINE static __m256 scales(const std::byte* side, int) { return load_f16s(side); }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add(sum, w, x); }
};

struct Q41Format {
  static constexpr std::uint32_t kAhead = kShortUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 128, kSideBytes = 32, kParts = 1;
  static constexpr std::int32_t kZero = 0;
  static constexpr bool kHasMinimum = true;
  template <std::uint32_t V>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return nibbles<V>(quants);
  }
  HWY_INLINE static __m256 scales(const std::byte* side, int) { return load_f16s(side); }
  HWY_INLINE static __m256 minimums(const std::byte* side) { return load_f16s(side + 16); }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add(sum, w, x); }
};

// d * scale * q - dmin * minimum
struct Q4KFormat {
  static constexpr std::uint32_t kAhead = kShortUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 128, kSideBytes = 20, kParts = 1;
  static constexpr std::int32_t kZero = 0;
  static constexpr bool kHasMinimum = true;
  template <std::uint32_t V>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return nibbles<V>(quants);
  }
  HWY_INLINE static __m256 scales(const std::byte* side, int) {
    return _mm256_mul_ps(set_f16(side + 16), load_u8s(side));
  }
  HWY_INLINE static __m256 minimums(const std::byte* side) {
    const __m256 product = _mm256_mul_ps(set_f16(side + 18), load_u8s(side + 8));
    return _mm256_xor_ps(product, _mm256_set1_ps(-0.0f));
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add(sum, w, x); }
};

struct Q5KFormat : Q4KFormat {
  static constexpr std::uint32_t kQuantBytes = 160;
  template <std::uint32_t V>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return or_ints(nibbles<V>(quants), spread_bits(quants + 128 + V * (kIntBytes / 8), 16));
  }
};

struct Q6KFormat {
  static constexpr std::uint32_t kAhead = kLongUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 192, kSideBytes = 18, kParts = 2;
  static constexpr std::int32_t kZero = 32;
  static constexpr bool kHasMinimum = false;
  template <std::uint32_t V>
  HWY_INLINE static VecI code(const std::byte* quants) {
    constexpr int kShift = V / kLowVectors * 2;
    const VecI pairs = load_ints(quants + 128 + V % kLowVectors * kIntBytes);
    return or_ints(nibbles<V>(quants), shift_left<4>(low_bits(shift_right<kShift>(pairs), 3)));
  }
  HWY_INLINE static __m256 scales(const std::byte* side, int part) {
    return _mm256_mul_ps(set_f16(side + 16), load_i8s(side + 8 * part));
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add(sum, w, x); }
};

// body(V) for every vector V of a unit, V known to the compiler.
template <std::uint32_t V>
struct Index {
  static constexpr std::uint32_t value = V;
};
template <typename Body, std::uint32_t... V>
HWY_INLINE void for_each_index(const Body& body, std::integer_sequence<std::uint32_t, V...>) {
  (body(Index<V>()), ...);
}
template <std::uint32_t N, typename Body>
HWY_INLINE void for_indices(const Body& body) {
  for_each_index(body, std::make_integer_sequence<std::uint32_t, N>());
}

template <typename Format>
constexpr std::uint32_t kUnitBytes = Format::kSideBytes + Format::kQuantBytes;

// A unit's values in columns' order.
template <typename Format>
HWY_INLINE void decode_unit(const std::byte* quants, const std::byte* side, float* values) {
  alignas(64) std::uint8_t codes[kUnit];
  for_indices<kVectors>([&](auto v) {
    store_ints(Format::template code<v.value>(quants), codes + v.value * kIntBytes);
  });
  alignas(32) float scales[2][8], minimums[8] = {};
  for (std::uint32_t part = 0; part < 2; ++part)
    _mm256_store_ps(scales[part], Format::scales(side, Format::kParts == 1 ? 0 : part));
  if constexpr (Format::kHasMinimum) _mm256_store_ps(minimums, Format::minimums(side));
  constexpr bool kSigned = Format::kZero == 0 && !Format::kHasMinimum;  // Q8_0 without VNNI
  for (std::uint32_t block = 0; block < 8; ++block)
    for (std::uint32_t i = 0; i < 32; ++i) {
      const std::uint32_t place = i / 4 * 32 + block * 4 + i % 4;
      const int code = kSigned ? static_cast<std::int8_t>(codes[place]) : codes[place];
      values[block * 32 + i] =
          scales[i / 16][block] * static_cast<float>(code - Format::kZero) + minimums[block];
    }
}

template <typename Format>
void decode_packed(const std::byte* row, std::uint32_t, std::uint32_t first, std::uint32_t n,
                   float* values) {
  for (std::uint32_t done = 0; done < n; done += kUnit) {
    const std::uint32_t unit = (first + done) / kUnit;
    const std::byte* const side = row + std::size_t{unit} * kUnitBytes<Format>;
    const std::byte* const quants = side + Format::kSideBytes;
    if (n - done >= kUnit) {
      decode_unit<Format>(quants, side, values + done);
    } else {
      alignas(64) float whole[kUnit];
      decode_unit<Format>(quants, side, whole);
      __builtin_memcpy(values + done, whole, (n - done) * sizeof(float));
    }
  }
}

}  // namespace
}  // namespace synfire::cpu
