// Sums of packed rows, each times a factor. Included by level-inl.hpp only.
#pragma once

namespace synfire::cpu {
namespace {

void settle_plain(const float* acc, std::uint32_t, float* columns) {
  __builtin_memcpy(columns, acc, kUnit * sizeof(float));
}

// Float rows: a strip of columns of all rows at a time, its sums in registers.
template <typename Row, std::uint32_t C>
HWY_INLINE void add_strip(const std::byte* const* rows, const std::byte* const* next_rows,
                          std::uint32_t n_rows, std::uint32_t first, const float* factors,
                          float* acc) {
  VecF sums[C];
#pragma GCC unroll 8
  for (std::uint32_t c = 0; c < C; ++c) sums[c] = hn::LoadU(kFloats, acc + first + c * kLanes);
  for (std::uint32_t r = 0; r < n_rows; ++r) {
    if (next_rows != nullptr)
      for (std::uint32_t line = 0; line < C * kLanes * Row::kBytes; line += 64)
        __builtin_prefetch(next_rows[r] + std::size_t{first} * Row::kBytes + line, 0, 2);
    const VecF factor = hn::Set(kFloats, factors[r]);
#pragma GCC unroll 8
    for (std::uint32_t c = 0; c < C; ++c)
      sums[c] = hn::MulAdd(factor, Row::load(rows[r], first + c * kLanes), sums[c]);
  }
#pragma GCC unroll 8
  for (std::uint32_t c = 0; c < C; ++c) hn::StoreU(sums[c], kFloats, acc + first + c * kLanes);
}

template <typename Row>
void add_floats(const std::byte* const* rows, const std::byte* const* next_rows,
                std::uint32_t n_rows, std::uint32_t cols, const float* factors, float* acc) {
  constexpr std::uint32_t kStrip = 8 * kLanes;
  std::uint32_t i = 0;
  for (; i + kStrip <= cols; i += kStrip)
    add_strip<Row, 8>(rows, next_rows, n_rows, i, factors, acc);
  if (constexpr std::uint32_t kHalf = kStrip / 2; i + kHalf <= cols) {
    add_strip<Row, 4>(rows, next_rows, n_rows, i, factors, acc);
    i += kHalf;
  }
  for (; i + kLanes <= cols; i += kLanes) add_strip<Row, 1>(rows, nullptr, n_rows, i, factors, acc);
  if (i == cols) return;
  VecF sum = load_first(acc + i, cols - i);
  for (std::uint32_t r = 0; r < n_rows; ++r)
    sum = hn::MulAdd(hn::Set(kFloats, factors[r]), Row::load_tail(rows[r], i, cols - i), sum);
  store_first(sum, cols - i, acc + i);
}

// Any format, by its values.
template <typename Format>
void add_decoded(const std::byte* const* rows, const std::byte* const*, std::uint32_t n_rows,
                 std::uint32_t cols, const float* factors, float* acc) {
  alignas(64) float values[kUnit];
  for (std::uint32_t first = 0; first < cols; first += kUnit) {
    const std::uint32_t n = cols - first < kUnit ? cols - first : kUnit;
    for (std::uint32_t r = 0; r < n_rows; ++r) {
      decode_packed<Format>(rows[r], cols, first, n, values);
      const VecF factor = hn::Set(kFloats, factors[r]);
      for (std::uint32_t i = 0; i < n; i += kLanes) {  // n: blocks of 32
        float* const at = acc + first + i;
        hn::StoreU(hn::MulAdd(factor, hn::LoadU(kFloats, values + i), hn::LoadU(kFloats, at)),
                   kFloats, at);
      }
    }
  }
}

#ifdef __AVX512F__

// In integers: the factors of up to 16 rows, times their scales, become 8-bit numbers of one scale
// for each block of columns; the codes of 4 rows are interleaved byte by byte, so that one dot
// instruction adds 4 rows in 16 columns.
struct FactorsOfUnit {
  VecI factors[4][4];  // [4 rows][q]: for vector q after interleaving, 4 rows in each lane
  VecI zeros[4];       // [q]: zero point times the sum of factors
  VecF scales[4];      // [q]
};

// After interleaving, vector q of a vector of places has blocks q, q + 4, q, q + 4 in its quarters.
template <int Q>
HWY_INLINE VecI quarter_blocks(__m256i blocks) {
  return _mm512_shuffle_epi32(_mm512_broadcast_i32x8(blocks), static_cast<_MM_PERM_ENUM>(Q * 0x55));
}

template <typename Format, std::uint32_t Blocks>
HWY_INLINE void prepare_factors(const std::byte* const* sides, const float* factors,
                                FactorsOfUnit& unit) {
  __m256 scaled[16];
  __m256 largest = _mm256_setzero_ps();
  const __m256 sign = _mm256_set1_ps(-0.0f);
#pragma GCC unroll 16
  for (int r = 0; r < 16; ++r) {
    scaled[r] =
        _mm256_mul_ps(Format::template scales<Blocks>(sides[r], 0), _mm256_set1_ps(factors[r]));
    largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, scaled[r]));
  }
  const __m256 inverse =
      _mm256_maskz_div_ps(_mm256_cmp_ps_mask(largest, _mm256_setzero_ps(), _CMP_GT_OQ),
                          _mm256_set1_ps(127.0f), largest);
  __m256i sum = _mm256_setzero_si256();
  const __m256i byte = _mm256_set1_epi32(255);
#pragma GCC unroll 4
  for (int g = 0; g < 4; ++g) {
    __m256i packed = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m256i number = _mm256_cvtps_epi32(_mm256_mul_ps(scaled[4 * g + i], inverse));
      sum = _mm256_add_epi32(sum, number);
      packed = _mm256_or_si256(packed, _mm256_slli_epi32(_mm256_and_si256(number, byte), 8 * i));
    }
    for_indices<4>([&](auto q) { unit.factors[g][q.value] = quarter_blocks<q.value>(packed); });
  }
  const __m256i zeros = _mm256_mullo_epi32(sum, _mm256_set1_epi32(-Format::kZero));
  const __m256 scales = _mm256_mul_ps(largest, _mm256_set1_ps(1.0f / 127.0f));
  for_indices<4>([&](auto q) {
    unit.zeros[q.value] = quarter_blocks<q.value>(zeros);
    unit.scales[q.value] =
        VecF{_mm512_castsi512_ps(quarter_blocks<q.value>(_mm256_castps_si256(scales)))};
  });
}

// 4 vectors of bytes, one of each row, to vectors whose lanes have a byte of each row.
struct Interleaved {
  VecI q[4];
};
HWY_INLINE Interleaved interleave(VecI a, VecI b, VecI c, VecI d) {
  const VecI ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  const VecI cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  return {{_mm512_unpacklo_epi16(ab_low, cd_low), _mm512_unpackhi_epi16(ab_low, cd_low),
           _mm512_unpacklo_epi16(ab_high, cd_high), _mm512_unpackhi_epi16(ab_high, cd_high)}};
}

HWY_INLINE void add_scaled_ints(VecI sum, VecF scale, float* acc) {
  hn::StoreU(hn::MulAdd(to_floats(sum), scale, hn::LoadU(kFloats, acc)), kFloats, acc);
}

// acc: vector [v][q] of the unit has 4 columns in each quarter; see settle_quarters().
template <typename Format, std::uint32_t Blocks>
HWY_INLINE void add_codes(const std::byte* const* quants, const FactorsOfUnit& unit, float* acc) {
  for_indices<kVectorsOf<Blocks>>([&](auto v) {
    VecI sums[4];
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) sums[q] = unit.zeros[q];
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) {
      const std::byte* const* const rows = quants + 4 * g;
      const Interleaved codes = interleave(Format::template code<v.value, Blocks>(rows[0]),
                                           Format::template code<v.value, Blocks>(rows[1]),
                                           Format::template code<v.value, Blocks>(rows[2]),
                                           Format::template code<v.value, Blocks>(rows[3]));
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q)
        sums[q] = _mm512_dpbusd_epi32(sums[q], codes.q[q], unit.factors[g][q]);
    }
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q)
      add_scaled_ints(sums[q], unit.scales[q], acc + (v.value * 4 + q) * 16);
  });
}

// Bytes of two codes each are interleaved before they are split. The high ones stay where they are,
// 16 times too large, until their sum is scaled. `Halves` of a whole unit.
template <std::uint32_t Halves>
HWY_INLINE void add_nibbles(const std::byte* const* quants, const FactorsOfUnit& unit, float* acc) {
  const VecI low_mask = _mm512_set1_epi8(15);
  const VecF sixteenth = hn::Set(kFloats, 1.0f / 16);
  for (std::uint32_t half = 0; half < Halves; ++half) {
    VecI low[4], high[4];
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      low[q] = unit.zeros[q];
      high[q] = shift_left_lanes<4>(unit.zeros[q]);
    }
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) {
      const std::byte* const* const rows = quants + 4 * g;
      const std::uint32_t at = half * 64;
      const Interleaved bytes = interleave(load_ints(rows[0] + at), load_ints(rows[1] + at),
                                           load_ints(rows[2] + at), load_ints(rows[3] + at));
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) {
        low[q] =
            _mm512_dpbusd_epi32(low[q], _mm512_and_si512(bytes.q[q], low_mask), unit.factors[g][q]);
        high[q] = _mm512_dpbusd_epi32(high[q], _mm512_andnot_si512(low_mask, bytes.q[q]),
                                      unit.factors[g][q]);
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      add_scaled_ints(low[q], unit.scales[q], acc + (half * 8 + q) * 16);
      add_scaled_ints(high[q], hn::Mul(unit.scales[q], sixteenth), acc + (half * 8 + 4 + q) * 16);
    }
  }
}

template <typename Format, std::uint32_t Blocks>
HWY_INLINE void add_unit(const std::byte* const* quants, const FactorsOfUnit& unit, float* acc) {
  if constexpr (std::is_same_v<Format, Q4Format> && Blocks != 2) {
    add_nibbles<Blocks / 4>(quants, unit, acc);
  } else {
    add_codes<Format, Blocks>(quants, unit, acc);
  }
}

template <typename Format>
void add_packed(const std::byte* const* rows, const std::byte* const* next_rows,
                std::uint32_t n_rows, std::uint32_t cols, const float* factors, float* acc) {
  const std::byte* sides[kTileRows];
  float all_factors[kTileRows];
  for (std::uint32_t r = 0; r < kTileRows; ++r) {
    sides[r] = rows[r < n_rows ? r : 0];
    all_factors[r] = r < n_rows ? factors[r] : 0.0f;
  }
  for_units<Format>(
      RowUnits(cols), [&](auto blocks, std::uint32_t unit) __attribute__((always_inline)) {
        constexpr std::uint32_t kBlocks = blocks.value;
        if (next_rows != nullptr)
          for (std::uint32_t r = 0; r < n_rows; ++r)
            fetch_unit<Format, kBlocks>(next_rows[r], unit);
        FactorsOfUnit prepared;
        prepare_factors<Format, kBlocks>(sides, all_factors, prepared);
        const std::byte* quants[kTileRows];
#pragma GCC unroll 16
        for (std::uint32_t r = 0; r < kTileRows; ++r) {
          quants[r] = sides[r] + kSideBytesOf<Format, kBlocks>;
          sides[r] += kUnitBytes<Format>;
        }
        add_unit<Format, kBlocks>(quants, prepared, acc + std::size_t{unit} * kUnit);
      });
}

// Vector [v][q], quarter i: places 64 v + 16 i + 4 q .. + 3.
void settle_quarters(const float* acc, std::uint32_t cols, float* columns) {
  const std::uint32_t blocks = cols > kUnit ? 8 : RowUnits(cols).last_blocks;
  for (std::uint32_t v = 0; v < blocks / 2; ++v)
    for (std::uint32_t q = 0; q < 4; ++q)
      for (std::uint32_t i = 0; i < 4; ++i) {
        const std::uint32_t four = 16 * v + 4 * i + q;
        const std::uint32_t column = four % blocks * 32 + four / blocks * 4;
        __builtin_memcpy(columns + column, acc + (v * 4 + q) * 16 + i * 4, 4 * sizeof(float));
      }
}

#else

template <typename Format>
constexpr AddRows add_packed = add_decoded<Format>;
constexpr auto settle_quarters = settle_plain;

#endif

}  // namespace
}  // namespace synfire::cpu
