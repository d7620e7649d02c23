// Dot products of packed rows with 8-bit activations. Included by level-inl.hpp only.
//
// For every unit: exact integer dots by block, then one fused multiply-add for the 8 blocks, units
// in rising order. So the value of a row and a token does not depend on what is computed beside it.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kPanelUnits = 64;  // columns up to 16384: a panel lies on the stack

// What a unit of a token has beside its quants.
struct SidesOfToken {
  __m256 scales;
  VecI start[2];  // of the integer sums of each part: minus zero point times sum
  __m256 sums;    // of the values by block; where there are minimums
};

// A unit of a token.
struct UnitOfToken : SidesOfToken {
  VecI quants[kVectors];
};

template <std::uint32_t V>
HWY_INLINE VecI load_quants(const Activations& x, std::size_t unit) {
  return load_ints(x.quants + unit * kUnit + V * kIntBytes);
}

template <typename Format>
HWY_INLINE void load_sides(const Activations& x, std::size_t unit, SidesOfToken& token) {
  token.scales = _mm256_loadu_ps(x.scales + unit * 8);
  const std::int32_t* const sums = x.sums + unit * 16;
  if constexpr (Format::kHasMinimum) {
    const __m256i total =
        _mm256_add_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums)),
                         _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums + 8)));
    token.sums = _mm256_mul_ps(_mm256_cvtepi32_ps(total), token.scales);
  }
  if constexpr (Format::kZero == 0) {
    token.start[0] = token.start[1] = no_ints();
  } else {
    token.start[0] = times(block_sums(sums), -Format::kZero);
    token.start[1] = times(block_sums(sums + 8), -Format::kZero);
    if constexpr (Format::kParts == 1) token.start[0] = add_ints(token.start[0], token.start[1]);
  }
}

template <typename Format, std::uint32_t Blocks>
HWY_INLINE void load_unit(const Activations& x, std::size_t unit, UnitOfToken& token) {
  for_indices<kVectorsOf<Blocks>>(
      [&](auto v) { token.quants[v.value] = load_quants<v.value>(x, unit); });
  load_sides<Format>(x, unit, token);
}

template <typename Format>
struct RowSum {
  __m256 products = _mm256_setzero_ps();
  __m256 minimums = _mm256_setzero_ps();

  template <std::uint32_t Blocks>
  HWY_INLINE void add(const VecI (&codes)[kVectors], const __m256 (&scales)[Format::kParts],
                      __m256 minimum, const UnitOfToken& x) {
    constexpr std::uint32_t kEach = kVectorsOf<Blocks> / Format::kParts;
    for_indices<Format::kParts>([&](auto part) {
      VecI dots = x.start[part.value];
      for_indices<kEach>([&](auto v) {
        constexpr std::uint32_t kAt = part.value * kEach + v.value;
        dots = Format::dot(dots, codes[kAt], x.quants[kAt]);
      });
      add_part(dots, scales[part.value], x);
    });
    if constexpr (Format::kHasMinimum) add_minimum(minimum, x);
  }
  HWY_INLINE void add_part(VecI dots, __m256 scales, const SidesOfToken& x) {
    const __m256 scale = _mm256_mul_ps(scales, x.scales);
    products = _mm256_fmadd_ps(_mm256_cvtepi32_ps(fold_lanes(dots)), scale, products);
  }
  HWY_INLINE void add_minimum(__m256 minimum, const SidesOfToken& x) {
    minimums = _mm256_fmadd_ps(minimum, x.sums, minimums);
  }
  [[nodiscard]] HWY_INLINE __m256 by_block() const {
    if constexpr (Format::kHasMinimum) return _mm256_add_ps(products, minimums);
    return products;
  }
  [[nodiscard]] HWY_INLINE float total() const {
    const __m256 sum = by_block();
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
};

// RowSum::total() of 4 sums: the same additions, side by side.
template <typename Format>
HWY_INLINE __m128 totals(const RowSum<Format>& a, const RowSum<Format>& b, const RowSum<Format>& c,
                         const RowSum<Format>& d) {
  const auto halves = [](const RowSum<Format>& first, const RowSum<Format>& second) {
    const __m256 x = first.by_block(), y = second.by_block();
    return _mm256_add_ps(_mm256_permute2f128_ps(x, y, 0x20), _mm256_permute2f128_ps(x, y, 0x31));
  };
  const __m256d ab = _mm256_castps_pd(halves(a, b)), cd = _mm256_castps_pd(halves(c, d));
  const __m256 two = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)),
                                   _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)));
  const __m256 one = _mm256_add_ps(two, _mm256_movehdup_ps(two));  // a . c . | b . d .
  const __m128 acbd = _mm_shuffle_ps(_mm256_castps256_ps128(one), _mm256_extractf128_ps(one, 1),
                                     _MM_SHUFFLE(2, 0, 2, 0));
  return _mm_permute_ps(acbd, _MM_SHUFFLE(3, 1, 2, 0));
}

// Asks for a unit of a row that will be read next.
template <typename Format, std::uint32_t Blocks>
HWY_INLINE void fetch_unit(const std::byte* row, std::uint32_t unit) {
  constexpr std::uint32_t kBytes = kUnitBytes<Format> * Blocks / 8;
  const std::byte* const from = row + std::size_t{unit} * kUnitBytes<Format>;
#pragma GCC unroll 8
  for (std::uint32_t line = 0; line < kBytes; line += 64) __builtin_prefetch(from + line, 0, 2);
}

// The codes and the like of a unit.
template <typename Format, std::uint32_t Blocks>
HWY_INLINE void unpack_unit(const std::byte* side, VecI (&codes)[kVectors],
                            __m256 (&scales)[Format::kParts], __m256& minimum) {
  const std::byte* const quants = side + kSideBytesOf<Format, Blocks>;
  for_indices<kVectorsOf<Blocks>>(
      [&](auto v) { codes[v.value] = Format::template code<v.value, Blocks>(quants); });
  for_indices<Format::kParts>(
      [&](auto part) { scales[part.value] = Format::template scales<Blocks>(side, part.value); });
  if constexpr (Format::kHasMinimum) minimum = Format::template minimums<Blocks>(side);
}

// One row and T tokens, which share its codes; out[t * kTileRows] is token t's.
template <typename Format, std::uint32_t T>
HWY_INLINE void dot_row(const std::byte* row, const std::byte* next_row, const RowUnits& units,
                        const Activations& x, const std::uint32_t* tokens, float* out) {
  RowSum<Format> sums[T];
  for_units<Format>(
      units, [&](auto blocks, std::uint32_t unit) __attribute__((always_inline)) {
        constexpr std::uint32_t kBlocks = blocks.value;
        UnitOfToken token[T];
#pragma GCC unroll 8
        for (std::uint32_t t = 0; t < T; ++t)
          load_unit<Format, kBlocks>(x, std::size_t{tokens[t]} * units.n + unit, token[t]);
        if (next_row != nullptr) fetch_unit<Format, kBlocks>(next_row, unit);
        const std::byte* const side = row + std::size_t{unit} * kUnitBytes<Format>;
        VecI codes[kVectors];
        __m256 scales[Format::kParts];
        __m256 minimum = _mm256_setzero_ps();
        unpack_unit<Format, kBlocks>(side, codes, scales, minimum);
#pragma GCC unroll 8
        for (std::uint32_t t = 0; t < T; ++t)
          sums[t].template add<kBlocks>(codes, scales, minimum, token[t]);
      });
#pragma GCC unroll 8
  for (std::uint32_t t = 0; t < T; ++t) out[t * kTileRows] = sums[t].total();
}

// Rows that lie apart and are multiplied with one token at the same time. They share the loads of
// its quants, which are as much work as unpacking a row, and the processor looks up the pages of
// several at once. Rows that follow each other are one stream of memory, which it reads best alone;
// so are long rows at a stride, such as the up rows of neurons of which none is left out.
constexpr std::uint32_t kRowsApart = kIntBytes == 64 ? 8 : 4;

template <typename Format>
HWY_INLINE bool are_one_stream(const std::byte* const* rows, std::uint32_t n_rows,
                               const RowUnits& units) {
  constexpr std::ptrdiff_t kLongRow = 512;
  if (n_rows < 2) return false;
  const std::ptrdiff_t stride = rows[1] - rows[0], bytes = units.bytes<Format>();
  return rows[n_rows - 1] - rows[0] == (n_rows - 1) * stride &&
         (stride == bytes || bytes >= kLongRow);
}

template <typename Format, std::uint32_t R>
HWY_INLINE void dot_alone(const std::byte* const* rows, const std::byte* const* next_rows,
                          const RowUnits& units, const Activations& x, std::uint32_t token,
                          float* out) {
  RowSum<Format> sums[R];
  for_units<Format>(
      units, [&](auto blocks, std::uint32_t unit) __attribute__((always_inline)) {
        constexpr std::uint32_t kBlocks = blocks.value;
        constexpr std::uint32_t kEach = kVectorsOf<kBlocks> / Format::kParts;
        const std::size_t at = std::size_t{token} * units.n + unit;
        SidesOfToken sides;
        load_sides<Format>(x, at, sides);
        const std::byte* side[R];
#pragma GCC unroll 8
        for (std::uint32_t r = 0; r < R; ++r) {
          side[r] = rows[r] + std::size_t{unit} * kUnitBytes<Format>;
          if (next_rows != nullptr) fetch_unit<Format, kBlocks>(next_rows[r], unit);
        }
        for_indices<Format::kParts>([&](auto part) {
          VecI dots[R];
#pragma GCC unroll 8
          for (std::uint32_t r = 0; r < R; ++r) dots[r] = sides.start[part.value];
          for_indices<kEach>([&](auto v) {
            constexpr std::uint32_t kAt = part.value * kEach + v.value;
            const VecI quants = load_quants<kAt>(x, at);
#pragma GCC unroll 8
            for (std::uint32_t r = 0; r < R; ++r)
              dots[r] = Format::dot(
                  dots[r],
                  Format::template code<kAt, kBlocks>(side[r] + kSideBytesOf<Format, kBlocks>),
                  quants);
          });
#pragma GCC unroll 8
          for (std::uint32_t r = 0; r < R; ++r)
            sums[r].add_part(dots[r], Format::template scales<kBlocks>(side[r], part.value), sides);
        });
        if constexpr (Format::kHasMinimum) {
#pragma GCC unroll 8
          for (std::uint32_t r = 0; r < R; ++r)
            sums[r].add_minimum(Format::template minimums<kBlocks>(side[r]), sides);
        }
      });
#pragma GCC unroll 8
  for (std::uint32_t r = 0; r < R; ++r) out[r] = sums[r].total();
}

template <typename Format>
HWY_INLINE void dot_few(const std::byte* const* rows, const std::byte* const* next_rows,
                        std::uint32_t n_rows, std::uint32_t cols, const Activations& x,
                        const std::uint32_t* tokens, std::uint32_t n_tokens, float* out) {
  const RowUnits units(cols);
  const auto take = [&](std::uint32_t r, auto count) {
    const std::byte* const* const next = next_rows == nullptr ? nullptr : next_rows + r;
    std::uint32_t t = 0;
    for (; t + 4 <= n_tokens; t += 4)
      for (std::uint32_t i = 0; i < count.value; ++i)
        dot_row<Format, 4>(rows[r + i], t == 0 && next != nullptr ? next[i] : nullptr, units, x,
                           tokens + t, out + std::size_t{t} * kTileRows + r + i);
    for (; t < n_tokens; ++t)
      dot_alone<Format, count.value>(rows + r, t == 0 ? next : nullptr, units, x, tokens[t],
                                     out + std::size_t{t} * kTileRows + r);
  };
  std::uint32_t r = 0;
  if (!are_one_stream<Format>(rows, n_rows, units)) {
    for (; r + kRowsApart <= n_rows; r += kRowsApart) take(r, Index<kRowsApart>());
    for (; r + 2 <= n_rows; r += 2) take(r, Index<2>());
  }
  for (; r < n_rows; ++r) take(r, Index<1>());
}

// Of a whole unit: the quants of each half block.
HWY_INLINE void sum_halves(const std::int8_t* quants, std::int32_t* sums) {
  const VecI ones = low_bits(set_lanes(-1), 1);
#pragma GCC unroll 2
  for (std::uint32_t half = 0; half < 2; ++half) {
    VecI of_half = no_ints();
#pragma GCC unroll 4
    for (std::uint32_t at = half * kUnit / 2; at < (half + 1) * kUnit / 2; at += kIntBytes)
      of_half = dot_add(of_half, ones, load_ints(quants + at));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + half * kUnitBlocks), fold_lanes(of_half));
  }
}
// Of a short unit: the quants of each lane, and no second halves.
HWY_INLINE void sum_lanes(const std::int8_t* quants, std::int32_t* sums) {
  __builtin_memset(sums, 0, 16 * sizeof(std::int32_t));
  for (std::uint32_t place = 0; place < kUnit / 2; ++place) sums[place / 4 % 8] += quants[place];
}

// Rows of x to blocks of 32 quants in packed order: scale = largest magnitude / 127, quants rounded
// to nearest even.
void quantize_floats(const float* x, std::uint32_t n, std::int8_t* quants, float* scales,
                     std::int32_t* sums) {
  const hn::Rebind<std::int8_t, Floats> narrow;
  const RowUnits units(n);
  const std::uint32_t n_blocks = (units.n - 1) * 8 + units.last_blocks;
  const std::size_t last = units.n - 1;
  if (units.last_blocks != 8) __builtin_memset(quants + last * kUnit, 0, kUnit);
  for (std::uint32_t b = 0; b < n_blocks; ++b, x += 32) {
    const std::uint32_t in_unit = b / 8 + 1 == units.n ? units.last_blocks : 8;
    alignas(64) std::int8_t block[32] = {};
    float magnitude = 0;
    if (b < n / 32) {
      VecF largest = hn::Zero(kFloats);
      for (std::uint32_t i = 0; i < 32; i += kLanes)
        largest = hn::Max(largest, hn::Abs(hn::LoadU(kFloats, x + i)));
      magnitude = hn::GetLane(hn::MaxOfLanes(kFloats, largest));
      const VecF inverse = hn::Set(kFloats, magnitude > 0 ? 127.0f / magnitude : 0.0f);
      for (std::uint32_t i = 0; i < 32; i += kLanes) {
        const auto rounded = hn::NearestInt(hn::Mul(hn::LoadU(kFloats, x + i), inverse));
        hn::StoreU(hn::DemoteTo(narrow, rounded), narrow, block + i);
      }
    }
    std::int8_t* const unit = quants + std::size_t{b / 8} * kUnit + b % 8 * 4;
    for (std::uint32_t i = 0; i < 8; ++i)
      __builtin_memcpy(unit + i * 4 * in_unit, block + i * 4, 4);
    for (std::uint32_t lane = b % 8; lane < 8; lane += in_unit)
      scales[b / 8 * 8 + lane] = magnitude / 127.0f;
  }
  const std::size_t whole = units.last_blocks == 8 ? units.n : last;
  for (std::size_t unit = 0; unit < whole; ++unit)
    sum_halves(quants + unit * kUnit, sums + unit * 16);
  if (units.last_blocks != 8) sum_lanes(quants + last * kUnit, sums + last * 16);
}

}  // namespace
}  // namespace synfire::cpu
