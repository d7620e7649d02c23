// Partial attention over keys and values of 16-bit integers, at the avx512 level. Included by
// level-inl.hpp only.
//
// A lane multiplies and adds two of them where it makes one float FMA, and nothing has to be
// converted. Keys, values and queries are scaled to a norm of kWideNorm (wide_dot-inl.hpp), so a
// score's sum, whole or partial, stays within 32 bits by Cauchy and Schwarz. Shares times the
// values' scales become 16-bit integers for each tile: at most kTileSum together, so the sums of a
// tile stay within 32 bits too. Roundings are no larger than those of half floats: half a unit of
// kWideNorm in an element of a key, query or value (of a position's norm: small elements beside a
// large one have fewer bits than half floats), and in all positions of a tile half of kWideTile in
// kTileShare of what it weighs, 2^-11.
//
// Tile by tile: its keys, then its values, each in the order in which they lie in memory. The
// processor then fetches both streams ahead by itself, where neither stands still for long. A core
// can wait for too few fetches by instructions: about 14 GB/s.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kWideRows = 8;  // at once, at most
// With kWideTile / 2 for roundings, times 2^15: below 2^31.
constexpr float kTileSum = 65500, kTileShare = 32766;
static_assert(kWideTile == 2 * kLanes && (kTileSum + kWideTile / 2) * 32768.0 < 2147483648.0);

// Keys of a pair of elements, values of a pair of positions and 32 elements: two vectors.
constexpr std::size_t kWideStep = 128;

// n elements as integers of a norm of kWideNorm, then zeros to wide_dim(n); then their scale, a
// float. All zeros below a norm of 1e-15, where squares lose their bits.
void to_wide(const float* x, std::uint32_t n, std::byte* row) {
  VecF squares = hn::Zero(kFloats);
  const auto load = [&](std::uint32_t i) {
    if (i >= n) return hn::Zero(kFloats);
    return i + kLanes <= n ? hn::LoadU(kFloats, x + i) : load_first(x + i, n - i);
  };
  for (std::uint32_t i = 0; i < n; i += kLanes) squares = hn::MulAdd(load(i), load(i), squares);
  const float norm = __builtin_sqrtf(hn::GetLane(hn::SumOfLanes(kFloats, squares)));
  // What is not finite makes all of the row no number.
  const float scale = norm < 1e-15f ? 0 : norm / kWideNorm + (norm - norm);
  const VecF inverse = hn::Set(kFloats, scale > 0 ? 1 / scale : 0.0f);
  for (std::uint32_t i = 0; i < wide_dim(n); i += kLanes) {
    const __m512i rounded = _mm512_cvtps_epi32(hn::Mul(load(i), inverse).raw);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + i * sizeof(std::int16_t)),
                        _mm512_cvtsepi32_epi16(rounded));
  }
  __builtin_memcpy(row + wide_dim(n) * sizeof(std::int16_t), &scale, sizeof scale);
}

// 2^x for x <= 8 (see raise_max) and what rounding puts above, within 2e-7 of it; exactly 0 for
// minus infinity.
HWY_INLINE VecF wide_power_of_two(VecF x) {
  constexpr int kAboveFloor = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
  const VecF part{_mm512_reduce_ps(x.raw, kAboveFloor)};
  VecF sum = hn::Set(kFloats, 0.0018775766948238015f);
  // Of least relative error on [0, 1], found by Remez' exchange.
  for (const float factor : {0.00898933969438076f, 0.05582631751894951f, 0.24015361070632935f,
                             0.6931530833244324f, 0.9999999403953552f})
    sum = hn::MulAdd(sum, part, hn::Set(kFloats, factor));
  return VecF{_mm512_scalef_ps(sum.raw, x.raw)};
}

// dots [Q][2] = sums over n_pairs steps at `wide` of their products with row q's pairs at
// factors(q). S sums beside each other hide the latency of a product; all are exact.
template <int Q, typename Factors>
HWY_INLINE void dot_wide(const std::byte* wide, std::uint32_t n_pairs, const Factors& factors,
                         VecI (&dots)[Q][2]) {
  constexpr int S = Q >= 4 ? 1 : 4 / Q;
  const std::int16_t* rows[Q];
  VecI sums[Q][S][2];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) {
    rows[q] = factors(q);
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) sums[q][s][0] = sums[q][s][1] = no_ints();
  }
  for (std::size_t pair = 0; pair < n_pairs; pair += S)
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s, wide += kWideStep) {
      const VecI low = load_ints(wide), high = load_ints(wide + kWideStep / 2);
#pragma GCC unroll 8
      for (int q = 0; q < Q; ++q) {
        std::int32_t two;
        __builtin_memcpy(&two, rows[q] + (pair + s) * 2, sizeof two);
        const VecI factor = set_lanes(two);
        sums[q][s][0] = dot_add_pairs(sums[q][s][0], low, factor);
        sums[q][s][1] = dot_add_pairs(sums[q][s][1], high, factor);
      }
    }
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      dots[q][v] = sums[q][0][v];
#pragma GCC unroll 4
      for (int s = 1; s < S; ++s) dots[q][v] = add_ints(dots[q][v], sums[q][s][v]);
    }
}

// Some rows at a tile.
struct WideTile {
  alignas(64) float scores[kWideRows][kWideTile];  // in units of log 2; then weights
  alignas(64) std::int16_t quants[kWideRows][kWideTile];
  alignas(64) float units[kLanes];  // of a row's quants
};

// Some rows so far: lane q is row q's.
struct WideRows {
  alignas(64) float max[kLanes];
  alignas(64) float kept[kLanes];  // what the new maximum leaves of the sums before
  alignas(64) float sums[kWideRows][kLanes];
};

// Scores of Q rows over a tile of keys. A function of its own, so that all pointers are in
// registers.
template <int Q>
[[gnu::noinline]] void score_wide(const AttendTile& tile, const AttendChunk& chunk,
                                  const AttendRow* rows, float (*scores)[kWideTile]) {
  const std::uint32_t n_pairs = wide_dim(chunk.head_dim) / 2;
  VecI dots[Q][2];
  dot_wide<Q>(
      tile.keys + kWideScales, n_pairs, [&](int q) { return rows[q].wide; }, dots);
  const VecF factor = hn::Set(kFloats, chunk.scale * 1.4426950408889634f);
#pragma GCC unroll 2
  for (std::uint32_t v = 0; v < 2; ++v) {
    const auto* const of_keys = reinterpret_cast<const float*>(tile.keys) + v * kLanes;
    const VecF scales = hn::Mul(hn::LoadU(kFloats, of_keys), factor);
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
      hn::Store(
          hn::Mul(to_floats(dots[q][v]), hn::Mul(scales, hn::Set(kFloats, rows[q].scales[0]))),
          kFloats, scores[q] + v * kLanes);
  }
}

// Minus infinity for what rows do not see of a tile.
template <int Q>
[[gnu::noinline]] void hide_unseen(const AttendTile& tile, const AttendRow* rows,
                                   float (*scores)[kWideTile]) {
  for (int q = 0; q < Q; ++q) {
    const std::uint32_t left = rows[q].length > tile.first ? rows[q].length - tile.first : 0;
    for (std::uint32_t i = left < tile.n ? left : tile.n; i < kWideTile; ++i)
      scores[q][i] = -__builtin_inff();
  }
}

// Lane q: what `combine` makes of all lanes of rows[q].
template <int Q, typename Combine>
HWY_INLINE VecF over_lanes(const VecF (&rows)[Q], const Combine& combine) {
  const auto row = [&](int q) { return rows[q < Q ? q : 0].raw; };
  const auto of_pair = [&](int q) {
    return _mm512_castps_pd(
        combine(_mm512_unpacklo_ps(row(q), row(q + 1)), _mm512_unpackhi_ps(row(q), row(q + 1))));
  };
  const auto of_four = [&](int q) {
    const __m512d low = of_pair(q), high = of_pair(q + 2);
    return combine(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)),
                   _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)));
  };
  const __m512 low = of_four(0), high = Q > 4 ? of_four(4) : low;
  const __m512 halves =
      combine(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xdd));
  return VecF{combine(_mm512_shuffle_f32x4(halves, halves, 0x88),
                      _mm512_shuffle_f32x4(halves, halves, 0xdd))};
}
HWY_INLINE __m512 larger(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
HWY_INLINE __m512 added(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }

// Raises the maxima of rows that have a far larger score in a tile; gives a bit for each of them.
// The others' shares are at most 2^kSlack, so that their sums need no scaling.
template <int Q>
HWY_INLINE std::uint32_t raise_max(const WideTile& tile, WideRows& rows) {
  constexpr float kSlack = 8;
  VecF largest[Q];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
    largest[q] =
        hn::Max(hn::Load(kFloats, tile.scores[q]), hn::Load(kFloats, tile.scores[q] + kLanes));
  const VecF before = hn::Load(kFloats, rows.max), here = over_lanes(largest, larger);
  const VecF enough = hn::Add(before, hn::Set(kFloats, kSlack));
  // What is no number counts as larger.
  const __mmask16 grows = _mm512_cmp_ps_mask(here.raw, enough.raw, _CMP_NLE_UQ);
  if (grows == 0) return 0;
  _mm512_store_ps(rows.max, _mm512_mask_mov_ps(before.raw, grows, here.raw));
  hn::Store(wide_power_of_two(hn::Sub(before, here)), kFloats, rows.kept);
  return grows & ((1u << Q) - 1);
}

// Turns a tile's scores into shares 2^(score - max), these times the values' scales into quants.
// `All`: no score is minus infinity.
template <int Q, bool All>
[[gnu::noinline]] void soften_wide(const std::byte* keys, WideTile& tile, WideRows& rows) {
  const auto* const of_values = reinterpret_cast<const float*>(keys) + kWideTile;
  const VecF values[2] = {hn::LoadU(kFloats, of_values), hn::LoadU(kFloats, of_values + kLanes)};
  const VecF nothing = hn::Set(kFloats, -__builtin_inff());
  VecF weights[Q], heaviest[Q];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) {
    // A row that sees nothing yet: any finite maximum gives shares of 0.
    const VecF shift = hn::Set(
        kFloats, All || rows.max[q] > -3e38f || rows.max[q] != rows.max[q] ? rows.max[q] : 0.0f);
    VecF weight[2], sums = hn::Load(kFloats, rows.sums[q]);
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      float* const at = tile.scores[q] + v * kLanes;
      const VecF score = hn::Load(kFloats, at);
      const VecF share = wide_power_of_two(hn::Sub(score, shift));
      weight[v] = hn::Mul(share, values[v]);
      // The scale of what is not there may be anything.
      if constexpr (!All) weight[v] = hn::IfThenZeroElse(hn::Eq(score, nothing), weight[v]);
      hn::Store(weight[v], kFloats, at);
      sums = hn::Add(sums, share);
    }
    hn::Store(sums, kFloats, rows.sums[q]);
    weights[q] = hn::Add(weight[0], weight[1]);
    heaviest[q] = hn::Max(weight[0], weight[1]);
  }
  const VecF all = hn::Mul(over_lanes(weights, added), hn::Set(kFloats, 1 / kTileSum));
  const VecF one = hn::Mul(over_lanes(heaviest, larger), hn::Set(kFloats, 1 / kTileShare));
  const VecF unit = hn::Max(one, all);
  hn::Store(unit, kFloats, tile.units);
  alignas(64) float inverse[kLanes];
  hn::Store(hn::IfThenElseZero(hn::Ge(unit, hn::Set(kFloats, 1e-30f)),
                               hn::Div(hn::Set(kFloats, 1.0f), unit)),
            kFloats, inverse);
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 2
    for (std::uint32_t i = 0; i < kWideTile; i += kLanes) {
      const VecF quants =
          hn::Mul(hn::Load(kFloats, tile.scores[q] + i), hn::Set(kFloats, inverse[q]));
      _mm256_store_si256(reinterpret_cast<__m256i*>(tile.quants[q] + i),
                         _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(quants.raw)));
    }
}

// out [Q, head_dim] += what a tile's values weigh in two vectors of elements, of which n are some.
template <int Q>
[[gnu::noinline]] void weigh_wide_columns(const std::byte* values, const WideTile& tile,
                                          std::uint32_t n, std::size_t head_dim, float* out) {
  VecI dots[Q][2];
  dot_wide<Q>(
      values, kWideTile / 2, [&](int q) { return tile.quants[q]; }, dots);
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q, out += head_dim) {
    const VecF unit = hn::Set(kFloats, tile.units[q]);
    const VecF low = to_floats(dots[q][0]), high = to_floats(dots[q][1]);
    if (n >= 2 * kLanes) {
      hn::StoreU(hn::MulAdd(low, unit, hn::LoadU(kFloats, out)), kFloats, out);
      hn::StoreU(hn::MulAdd(high, unit, hn::LoadU(kFloats, out + kLanes)), kFloats, out + kLanes);
      continue;
    }
    const std::uint32_t n_low = n < kLanes ? n : kLanes;
    store_first(hn::MulAdd(low, unit, load_first(out, n_low)), n_low, out);
    if (n > kLanes)
      store_first(hn::MulAdd(high, unit, load_first(out + kLanes, n - kLanes)), n - kLanes,
                  out + kLanes);
  }
}

// Rows [first, first + Q) of the chunk.
template <int Q>
[[gnu::noinline]] void attend_wide_rows(const AttendChunk& chunk, std::uint32_t first) {
  const std::uint32_t head_dim = chunk.head_dim;
  const AttendRow* const rows = chunk.rows + first;
  float* const out = chunk.partial + std::size_t{first} * head_dim;
  __builtin_memset(out, 0, std::size_t{Q} * head_dim * sizeof(float));
  std::uint32_t shortest = rows[0].length, longest = rows[0].length;
  WideRows so_far = {};
  for (int q = 0; q < Q; ++q) {
    shortest = rows[q].length < shortest ? rows[q].length : shortest;
    longest = rows[q].length > longest ? rows[q].length : longest;
  }
  for (float& max : so_far.max) max = -__builtin_inff();
  WideTile at;
  for (std::uint32_t t = 0; t < chunk.n_tiles && chunk.tiles[t].first < longest; ++t) {
    const AttendTile& tile = chunk.tiles[t];
    const bool all = tile.n == kWideTile && tile.first + kWideTile <= shortest;
    score_wide<Q>(tile, chunk, rows, at.scores);
    if (!all) hide_unseen<Q>(tile, rows, at.scores);
    for (std::uint32_t grown = raise_max<Q>(at, so_far); grown != 0; grown &= grown - 1) {
      const int q = __builtin_ctz(grown);
      scale_row(so_far.kept[q], head_dim, out + static_cast<std::size_t>(q) * head_dim);
      scale_row(so_far.kept[q], kLanes, so_far.sums[q]);
    }
    if (all)
      soften_wide<Q, true>(tile.keys, at, so_far);
    else
      soften_wide<Q, false>(tile.keys, at, so_far);
    for (std::uint32_t i = 0; i < head_dim; i += 2 * kLanes)
      weigh_wide_columns<Q>(tile.values + std::size_t{i} * kWideTile * 2, at, head_dim - i,
                            head_dim, out + i);
  }
  float* const max = chunk.partial + std::size_t{chunk.n_rows} * head_dim + first;
  VecF sums[Q];
  for (int q = 0; q < Q; ++q) sums[q] = hn::Load(kFloats, so_far.sums[q]);
  store_first(hn::Load(kFloats, so_far.max), Q, max);
  store_first(over_lanes(sums, added), Q, max + chunk.n_rows);
}

void attend_wide(const AttendChunk& chunk) {
  std::uint32_t first = 0;
  for (; first + 8 <= chunk.n_rows; first += 8) attend_wide_rows<8>(chunk, first);
  for (; first + 4 <= chunk.n_rows; first += 4) attend_wide_rows<4>(chunk, first);
  for (; first + 2 <= chunk.n_rows; first += 2) attend_wide_rows<2>(chunk, first);
  if (first < chunk.n_rows) attend_wide_rows<1>(chunk, first);
}

}  // namespace
}  // namespace synfire::cpu
