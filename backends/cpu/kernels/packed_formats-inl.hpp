// What the kernels need to know of each packed format (backends/cpu/packed_rows.hpp). Included by
// level-inl.hpp only.
//
// code<V>(quants): vector V of a unit's codes as dot_add wants them, kZero above their value; the
// last kVectors / kParts vectors belong to the second part, where there are two. A value is
// scale(part) * (code - kZero) + minimum.
//
// Blocks: of the unit, 8 but at a row's end; scales and minimums of fewer are repeated, so that
// each lane has its own. Only formats with kShortUnits, which have one part, know fewer.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kVectors = kUnit / kIntBytes;  // of a whole unit
template <std::uint32_t Blocks>
constexpr std::uint32_t kVectorsOf = Blocks * 32 / kIntBytes;
constexpr std::uint32_t kLowVectors = 64 / kIntBytes;  // of 64 places

HWY_INLINE std::uint32_t units_in(std::uint32_t cols) { return (cols + kUnit - 1) / kUnit; }

template <typename Word>
HWY_INLINE Word load_word(const std::byte* from) {
  Word word;
  __builtin_memcpy(&word, from, sizeof word);
  return word;
}

// Of 8 blocks, or fewer again and again.
template <std::uint32_t Blocks>
HWY_INLINE __m256 load_f16s(const std::byte* from) {
  if constexpr (Blocks == 8) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  } else if constexpr (Blocks == 4) {
    return _mm256_cvtph_ps(_mm_set1_epi64x(load_word<long long>(from)));
  } else {
    return _mm256_cvtph_ps(_mm_set1_epi32(load_word<int>(from)));
  }
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

// Places 128 m .. 128 m + 63 are low nibbles of 64 bytes, the next 64 places the high ones; of 2
// blocks, places 0 .. 31 and the next 32.
template <std::uint32_t V, std::uint32_t Blocks>
HWY_INLINE VecI nibbles(const std::byte* quants) {
  if constexpr (Blocks == 2) return nibbles_of_32<V>(quants);
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
  static constexpr bool kHasMinimum = false, kShortUnits = true;
  template <std::uint32_t V, std::uint32_t>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return load_q8(quants + V * kIntBytes);
  }
  template <std::uint32_t Blocks>
  HWY_INLINE static __m256 scales(const std::byte* side, int) {
    return load_f16s<Blocks>(side);
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add_q8(sum, w, x); }
};

struct Q4Format {
  static constexpr std::uint32_t kAhead = kShortUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 128, kSideBytes = 16, kParts = 1;
  static constexpr std::int32_t kZero = 8;
  static constexpr bool kHasMinimum = false, kShortUnits = true;
  template <std::uint32_t V, std::uint32_t Blocks>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return nibbles<V, Blocks>(quants);
  }
  template <std::uint32_t Blocks>
  HWY_INLINE static __m256 scales(const std::byte* side, int) {
    return load_f16s<Blocks>(side);
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add(sum, w, x); }
};

struct Q41Format {
  static constexpr std::uint32_t kAhead = kShortUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 128, kSideBytes = 32, kParts = 1;
  static constexpr std::int32_t kZero = 0;
  static constexpr bool kHasMinimum = true, kShortUnits = true;
  template <std::uint32_t V, std::uint32_t Blocks>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return nibbles<V, Blocks>(quants);
  }
  template <std::uint32_t Blocks>
  HWY_INLINE static __m256 scales(const std::byte* side, int) {
    return load_f16s<Blocks>(side);
  }
  template <std::uint32_t Blocks>
  HWY_INLINE static __m256 minimums(const std::byte* side) {
    return load_f16s<Blocks>(side + 2 * Blocks);
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add(sum, w, x); }
};

// d * scale * q - dmin * minimum
struct Q4KFormat {
  static constexpr std::uint32_t kAhead = kShortUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 128, kSideBytes = 20, kParts = 1;
  static constexpr std::int32_t kZero = 0;
  static constexpr bool kHasMinimum = true, kShortUnits = false;
  template <std::uint32_t V, std::uint32_t Blocks>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return nibbles<V, Blocks>(quants);
  }
  template <std::uint32_t>
  HWY_INLINE static __m256 scales(const std::byte* side, int) {
    return _mm256_mul_ps(set_f16(side + 16), load_u8s(side));
  }
  template <std::uint32_t>
  HWY_INLINE static __m256 minimums(const std::byte* side) {
    const __m256 product = _mm256_mul_ps(set_f16(side + 18), load_u8s(side + 8));
    return _mm256_xor_ps(product, _mm256_set1_ps(-0.0f));
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI x) { return dot_add(sum, w, x); }
};

struct Q5KFormat : Q4KFormat {
  static constexpr std::uint32_t kQuantBytes = 160;
  template <std::uint32_t V, std::uint32_t Blocks>
  HWY_INLINE static VecI code(const std::byte* quants) {
    return or_ints(nibbles<V, Blocks>(quants), spread_bits(quants + 128 + V * (kIntBytes / 8), 16));
  }
};

struct Q6KFormat {
  static constexpr std::uint32_t kAhead = kLongUnitsAhead;
  static constexpr std::uint32_t kQuantBytes = 192, kSideBytes = 18, kParts = 2;
  static constexpr std::int32_t kZero = 32;
  static constexpr bool kHasMinimum = false, kShortUnits = false;
  template <std::uint32_t V, std::uint32_t Blocks>
  HWY_INLINE static VecI code(const std::byte* quants) {
    constexpr int kShift = V / kLowVectors * 2;
    const VecI pairs = load_ints(quants + 128 + V % kLowVectors * kIntBytes);
    return or_ints(nibbles<V, Blocks>(quants),
                   shift_left<4>(low_bits(shift_right<kShift>(pairs), 3)));
  }
  template <std::uint32_t>
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
template <typename Format, std::uint32_t Blocks>
constexpr std::uint32_t kSideBytesOf = Format::kSideBytes* Blocks / 8;

// The units of a row of so many columns.
struct RowUnits {
  std::uint32_t n, last_blocks;

  HWY_INLINE explicit RowUnits(std::uint32_t cols) : n(units_in(cols)) {
    const std::uint32_t left = cols % kUnit;
    last_blocks = left == 0 || left > kUnit / 2 ? 8 : left > kUnit / 4 ? 4 : 2;
  }

  template <typename Format>
  [[nodiscard]] HWY_INLINE std::uint32_t bytes() const {
    return (n - 1) * kUnitBytes<Format> +
           kUnitBytes<Format> * (Format::kShortUnits ? last_blocks : 8) / 8;
  }
};

// body(blocks, unit) for every unit of a row, its blocks known to the compiler.
template <typename Format, typename Body>
HWY_INLINE void for_units(const RowUnits& units, const Body& body) {
  if constexpr (!Format::kShortUnits) {
    for (std::uint32_t unit = 0; unit < units.n; ++unit) body(Index<8>(), unit);
  } else {
    const std::uint32_t whole = units.last_blocks == 8 ? units.n : units.n - 1;
    for (std::uint32_t unit = 0; unit < whole; ++unit) body(Index<8>(), unit);
    if (units.last_blocks == 2) body(Index<2>(), whole);
    if (units.last_blocks == 4) body(Index<4>(), whole);
  }
}

// A unit's values in columns' order.
template <typename Format, std::uint32_t Blocks>
HWY_INLINE void decode_unit(const std::byte* side, float* values) {
  const std::byte* const quants = side + kSideBytesOf<Format, Blocks>;
  alignas(64) std::uint8_t codes[kUnit];
  for_indices<kVectorsOf<Blocks>>([&](auto v) {
    store_ints(Format::template code<v.value, Blocks>(quants), codes + v.value * kIntBytes);
  });
  alignas(32) float scales[2][8], minimums[8] = {};
  for (std::uint32_t part = 0; part < 2; ++part)
    _mm256_store_ps(scales[part],
                    Format::template scales<Blocks>(side, Format::kParts == 1 ? 0 : part));
  if constexpr (Format::kHasMinimum)
    _mm256_store_ps(minimums, Format::template minimums<Blocks>(side));
  constexpr bool kSigned = Format::kZero == 0 && !Format::kHasMinimum;  // Q8_0 without VNNI
  for (std::uint32_t block = 0; block < Blocks; ++block)
    for (std::uint32_t i = 0; i < 32; ++i) {
      const std::uint32_t place = i / 4 * (4 * Blocks) + block * 4 + i % 4;
      const int code = kSigned ? static_cast<std::int8_t>(codes[place]) : codes[place];
      values[block * 32 + i] =
          scales[i / 16][block] * static_cast<float>(code - Format::kZero) + minimums[block];
    }
}

template <typename Format>
void decode_packed(const std::byte* row, std::uint32_t cols, std::uint32_t first, std::uint32_t n,
                   float* values) {
  const RowUnits units(cols);
  for (std::uint32_t done = 0; done < n; done += kUnit) {
    const std::uint32_t unit = (first + done) / kUnit;
    const std::byte* const side = row + std::size_t{unit} * kUnitBytes<Format>;
    if (n - done >= kUnit) {
      decode_unit<Format, 8>(side, values + done);
      continue;
    }
    alignas(64) float last[kUnit];
    if constexpr (Format::kShortUnits) {
      if (units.last_blocks == 2) decode_unit<Format, 2>(side, last);
      if (units.last_blocks == 4) decode_unit<Format, 4>(side, last);
    }
    if (units.last_blocks == 8) decode_unit<Format, 8>(side, last);
    __builtin_memcpy(values + done, last, (n - done) * sizeof(float));
  }
}

}  // namespace
}  // namespace synfire::cpu
