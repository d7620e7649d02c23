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
// can wait for too few fetches by instructions, about 14 GB/s; but the first lines of a run are
// fetched so, since the processor begins only once it sees them read.
//
// Where many rows share a tile, products bound it. The softmax of a tile is then done beside the
// scores of the next one: most of it is for units that products leave idle, and its latencies are
// long.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kWideRows = 8;  // at once, at most
constexpr int kBesideRows = 4;          // from so many on, a softmax goes beside scores
// With kWideTile / 2 for roundings, times 2^15: below 2^31.
constexpr float kTileSum = 65500, kTileShare = 32766;
static_assert(kWideTile == 2 * kLanes && (kTileSum + kWideTile / 2) * 32768.0 < 2147483648.0);

constexpr float kWideSlack = 8;  // in units of log 2

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

// 2^x for x <= kWideSlack and what rounding puts above, within 3e-6 of it; exactly 0 for minus
// infinity. In two halves, for other work between them.
struct WidePower {
  HWY_INLINE explicit WidePower(VecF x)
      : part{_mm512_reduce_ps(x.raw, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)},
        sum(hn::Set(kFloats, 0.013534168f)) {
    for (const float factor : {0.052011462f, 0.24144276f})
      sum = hn::MulAdd(sum, part, hn::Set(kFloats, factor));
  }

  // For the same x. The factors are of least relative error on [0, 1], found by Remez' exchange.
  HWY_INLINE VecF finish(VecF x) const {
    VecF power = sum;
    for (const float factor : {0.69300383f, 1.0000026f})
      power = hn::MulAdd(power, part, hn::Set(kFloats, factor));
    return VecF{_mm512_scalef_ps(power.raw, x.raw)};
  }

  VecF part, sum;
};

// Sums of products of Q rows with two vectors. S sums beside each other hide the latency of a
// product; all are exact.
template <int Q>
struct WideDots {
  static constexpr int S = Q >= 4 ? 1 : 4 / Q;

  HWY_INLINE WideDots() {
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) sums[q][s][0] = sums[q][s][1] = no_ints();
  }

  // Steps [first, first + n) of those at `wide`, times row q's pairs at factors(q).
  template <typename Factors>
  HWY_INLINE void add(const std::byte* wide, std::size_t first, std::size_t n,
                      const Factors& factors) {
    wide += first * kWideStep;
    for (std::size_t pair = first; pair < first + n; pair += S)
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s, wide += kWideStep) {
        const VecI low = load_ints(wide), high = load_ints(wide + kWideStep / 2);
#pragma GCC unroll 8
        for (int q = 0; q < Q; ++q) {
          std::int32_t two;
          __builtin_memcpy(&two, factors(q) + (pair + s) * 2, sizeof two);
          const VecI factor = set_lanes(two);
          sums[q][s][0] = dot_add_pairs(sums[q][s][0], low, factor);
          sums[q][s][1] = dot_add_pairs(sums[q][s][1], high, factor);
        }
      }
  }

  HWY_INLINE VecF of(int q, int v) const {
    VecI sum = sums[q][0][v];
#pragma GCC unroll 4
    for (int s = 1; s < S; ++s) sum = add_ints(sum, sums[q][s][v]);
    return to_floats(sum);
  }

  VecI sums[Q][S][2];
};

// Some rows, so far and at a tile. Lane q is row q's.
struct WideRows {
  // Above `shift`, in units of log 2; then weights: shares times the values' scales.
  alignas(64) float scores[kWideRows][kWideTile];
  alignas(64) float weights[kWideRows][kLanes];  // sums of a row's two vectors
  alignas(64) float heaviest[kWideRows][kLanes];
  alignas(64) std::int16_t quants[kWideRows][kWideTile];  // of weights
  alignas(64) float units[kLanes];                        // of a row's quants
  alignas(64) float inverses[kLanes];                     // of these
  alignas(64) float factors[kLanes];                      // that make scores of products
  alignas(64) float shift[kLanes];  // the largest score so far, or up to kWideSlack less
  alignas(64) float sums[kWideRows][kLanes];
  const std::int16_t* queries[kWideRows];
  std::uint32_t unseen;  // bits of rows that have seen nothing yet
};

HWY_INLINE void fetch_start(const std::byte* run) {
  constexpr std::uint32_t kLines = 4;
  for (std::uint32_t i = 0; i < kLines; ++i) __builtin_prefetch(run + std::size_t{i} * 64);
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
// Types, since g++ 12 calls what it gets by reference to a function.
struct Larger {
  HWY_INLINE __m512 operator()(__m512 a, __m512 b) const { return _mm512_max_ps(a, b); }
};
struct Added {
  HWY_INLINE __m512 operator()(__m512 a, __m512 b) const { return _mm512_add_ps(a, b); }
};

// Raises the shifts of rows that have a far larger score in a tile. The others' shares are at most
// 2^kWideSlack, so that their sums need no scaling.
template <int Q>
[[gnu::noinline]] void raise_shift(WideRows& rows, std::size_t head_dim, float* out) {
  VecF largest[Q];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
    largest[q] =
        hn::Max(hn::Load(kFloats, rows.scores[q]), hn::Load(kFloats, rows.scores[q] + kLanes));
  alignas(64) float highest[kLanes];
  hn::Store(over_lanes(largest, Larger()), kFloats, highest);
  for (int q = 0; q < Q; ++q, out += head_dim) {
    const std::uint32_t bit = 1u << q;
    const float rise = highest[q];
    if ((rows.unseen & bit) != 0) {
      if (rise < -3e38f) continue;
      rows.unseen &= ~bit;
    } else {
      // What is no number counts as larger.
      if (rise <= kWideSlack) continue;
      const VecF fall = hn::Set(kFloats, -rise);
      const float kept = hn::GetLane(WidePower(fall).finish(fall));
      scale_row(kept, static_cast<std::uint32_t>(head_dim), out);
      scale_row(kept, kLanes, rows.sums[q]);
    }
    rows.shift[q] += rise;
    for (std::uint32_t i = 0; i < kWideTile; i += kLanes)
      hn::Store(hn::Sub(hn::Load(kFloats, rows.scores[q] + i), hn::Set(kFloats, rise)), kFloats,
                rows.scores[q] + i);
  }
}

HWY_INLINE const float* scales_of_values(const AttendTile& tile) {
  return reinterpret_cast<const float*>(tile.keys) + kWideTile;
}

// A row's shares 2^score at a tile, half done.
struct RowPowers {
  HWY_INLINE RowPowers(const WideRows& rows, int q)
      : powers{WidePower(hn::Load(kFloats, rows.scores[q])),
               WidePower(hn::Load(kFloats, rows.scores[q] + kLanes))} {}

  // Done, and times the values' scales. `All`: no score is minus infinity.
  template <bool All>
  HWY_INLINE void weigh(WideRows& rows, int q, const float* scales) const {
    const VecF nothing = hn::Set(kFloats, -__builtin_inff());
    VecF weight[2], sums = hn::Load(kFloats, rows.sums[q]);
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      float* const at = rows.scores[q] + v * kLanes;
      const VecF score = hn::Load(kFloats, at), share = powers[v].finish(score);
      weight[v] = hn::Mul(share, hn::LoadU(kFloats, scales + v * kLanes));
      // The scale of what is not there may be anything.
      if constexpr (!All) weight[v] = hn::IfThenZeroElse(hn::Eq(score, nothing), weight[v]);
      hn::Store(weight[v], kFloats, at);
      sums = hn::Add(sums, share);
    }
    hn::Store(sums, kFloats, rows.sums[q]);
    hn::Store(hn::Add(weight[0], weight[1]), kFloats, rows.weights[q]);
    hn::Store(hn::Max(weight[0], weight[1]), kFloats, rows.heaviest[q]);
  }

  WidePower powers[2];
};

// Then, of all rows: the units of their quants.
template <int Q>
HWY_INLINE void choose_units(WideRows& rows) {
  VecF weights[Q], heaviest[Q];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) {
    weights[q] = hn::Load(kFloats, rows.weights[q]);
    heaviest[q] = hn::Load(kFloats, rows.heaviest[q]);
  }
  const VecF all = hn::Mul(over_lanes(weights, Added()), hn::Set(kFloats, 1 / kTileSum));
  const VecF one = hn::Mul(over_lanes(heaviest, Larger()), hn::Set(kFloats, 1 / kTileShare));
  const VecF unit = hn::Max(one, all);
  hn::Store(unit, kFloats, rows.units);
  hn::Store(hn::IfThenElseZero(hn::Ge(unit, hn::Set(kFloats, 1e-30f)),
                               hn::Div(hn::Set(kFloats, 1.0f), unit)),
            kFloats, rows.inverses);
}

// And row by row again: the quants.
HWY_INLINE void quantize_weights(WideRows& rows, int q) {
  const VecF inverse = hn::Set(kFloats, rows.inverses[q]);
#pragma GCC unroll 2
  for (std::uint32_t i = 0; i < kWideTile; i += kLanes) {
    const VecF quants = hn::Mul(hn::Load(kFloats, rows.scores[q] + i), inverse);
    _mm256_store_si256(reinterpret_cast<__m256i*>(rows.quants[q] + i),
                       _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(quants.raw)));
  }
}

// A tile's softmax, alone.
template <int Q>
[[gnu::noinline]] void soften_wide(const AttendTile& tile, WideRows& rows) {
  for (int q = 0; q < Q; ++q) RowPowers(rows, q).weigh<false>(rows, q, scales_of_values(tile));
  choose_units<Q>(rows);
  for (int q = 0; q < Q; ++q) quantize_weights(rows, q);
}

// Scores of all products with a tile of keys. Gives whether one is so large that its row's shift
// may have to be raised.
template <int Q>
HWY_INLINE bool to_scores(const WideDots<Q>& dots, const AttendTile& tile, WideRows& rows) {
  const auto* const scales = reinterpret_cast<const float*>(tile.keys);
  VecF highest = hn::Set(kFloats, -__builtin_inff());
#pragma GCC unroll 2
  for (int v = 0; v < 2; ++v) {
    const VecF of_keys = hn::LoadU(kFloats, scales + v * kLanes);
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q) {
      const VecF factor = hn::Mul(of_keys, hn::Set(kFloats, rows.factors[q]));
      const VecF score = hn::MulSub(dots.of(q, v), factor, hn::Set(kFloats, rows.shift[q]));
      hn::Store(score, kFloats, rows.scores[q] + v * kLanes);
      highest = hn::Max(highest, score);
    }
  }
  return _mm512_cmp_ps_mask(highest.raw, _mm512_set1_ps(kWideSlack), _CMP_NLE_UQ) != 0;
}

// Scores of Q rows at a tile of keys.
template <int Q>
[[gnu::noinline]] bool score_wide(const AttendTile& tile, std::uint32_t n_pairs, WideRows& rows) {
  WideDots<Q> dots;
  dots.add(tile.keys + kWideScales, 0, n_pairs, [&](int q) { return rows.queries[q]; });
  return to_scores(dots, tile, rows);
}

// Likewise, and the softmax of the tile before, of which all rows see all. What needs a result
// stands a part of the products behind what makes it.
template <int Q>
[[gnu::noinline]] bool score_beside(const AttendTile& tile, const AttendTile& before,
                                    std::uint32_t n_pairs, WideRows& rows) {
  static_assert(16 % (2 * Q) == 0 && Q >= 4);
  const auto query = [&](int q) { return rows.queries[q]; };
  const std::byte* const keys = tile.keys + kWideScales;
  const float* const scales = scales_of_values(before);
  const std::size_t part = n_pairs / (2 * Q);
  WideDots<Q> dots;
  std::size_t at = 0;
  RowPowers powers(rows, 0);
  for (int q = 1; q < Q; ++q, at += part) {
    dots.add(keys, at, part, query);
    powers.template weigh<true>(rows, q - 1, scales);
    powers = RowPowers(rows, q);
  }
  dots.add(keys, at, part, query);
  powers.template weigh<true>(rows, Q - 1, scales);
  dots.add(keys, at + part, part, query);
  choose_units<Q>(rows);
  at += 2 * part;
  const std::size_t last = n_pairs - part * (Q / 2);
  dots.add(keys, at, last - at, query);
  at = last;
  for (int q = 0; q < Q; q += 2, at += part) {
    quantize_weights(rows, q);
    dots.add(keys, at, part, query);
    quantize_weights(rows, q + 1);
  }
  return to_scores(dots, tile, rows);
}

// Minus infinity for what rows do not see of a tile.
template <int Q>
[[gnu::noinline]] void hide_unseen(const AttendTile& tile, const AttendRow* of_rows,
                                   WideRows& rows) {
  for (int q = 0; q < Q; ++q) {
    const std::uint32_t length = of_rows[q].length;
    const std::uint32_t left = length > tile.first ? length - tile.first : 0;
    for (std::uint32_t i = left < tile.n ? left : tile.n; i < kWideTile; ++i)
      rows.scores[q][i] = -__builtin_inff();
  }
}

// out [Q, head_dim] += what a tile's values weigh.
template <int Q>
[[gnu::noinline]] void weigh_wide(const std::byte* values, const WideRows& rows,
                                  std::uint32_t head_dim, float* out) {
  for (std::uint32_t i = 0; i < head_dim; i += 2 * kLanes, values += kWideTile / 2 * kWideStep) {
    WideDots<Q> dots;
    dots.add(values, 0, kWideTile / 2, [&](int q) { return rows.quants[q]; });
    float* at = out + i;
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q, at += head_dim) {
      const VecF unit = hn::Set(kFloats, rows.units[q]);
      const VecF low = dots.of(q, 0), high = dots.of(q, 1);
      if (head_dim - i >= 2 * kLanes) {
        hn::StoreU(hn::MulAdd(low, unit, hn::LoadU(kFloats, at)), kFloats, at);
        hn::StoreU(hn::MulAdd(high, unit, hn::LoadU(kFloats, at + kLanes)), kFloats, at + kLanes);
        continue;
      }
      const std::uint32_t n = head_dim - i, n_low = n < kLanes ? n : kLanes;
      store_first(hn::MulAdd(low, unit, load_first(at, n_low)), n_low, at);
      if (n > kLanes)
        store_first(hn::MulAdd(high, unit, load_first(at + kLanes, n - kLanes)), n - kLanes,
                    at + kLanes);
    }
  }
}

// Rows [first, first + Q) of the chunk.
template <int Q>
[[gnu::noinline]] void attend_wide_rows(const AttendChunk& chunk, std::uint32_t first) {
  const std::uint32_t head_dim = chunk.head_dim, n_pairs = wide_dim(head_dim) / 2;
  const AttendRow* const of_rows = chunk.rows + first;
  float* const out = chunk.partial + std::size_t{first} * head_dim;
  __builtin_memset(out, 0, std::size_t{Q} * head_dim * sizeof(float));
  std::uint32_t shortest = of_rows[0].length, longest = of_rows[0].length;
  WideRows rows = {};
  rows.unseen = (1u << Q) - 1;
  for (int q = 0; q < Q; ++q) {
    shortest = of_rows[q].length < shortest ? of_rows[q].length : shortest;
    longest = of_rows[q].length > longest ? of_rows[q].length : longest;
    rows.queries[q] = of_rows[q].wide;
    rows.factors[q] = of_rows[q].scales[0] * chunk.scale * 1.4426950408889634f;
  }
  const AttendTile* before = nullptr;  // whose softmax and values are to come
  bool all_of_before = false;
  for (std::uint32_t t = 0; t < chunk.n_tiles && chunk.tiles[t].first < longest; ++t) {
    const AttendTile& tile = chunk.tiles[t];
    const bool all = tile.n == kWideTile && tile.first + kWideTile <= shortest;
    fetch_start((before != nullptr ? *before : tile).values);
    bool rises;
    if constexpr (Q >= kBesideRows) {
      if (before != nullptr && !all_of_before) soften_wide<Q>(*before, rows);
      rises = all_of_before ? score_beside<Q>(tile, *before, n_pairs, rows)
                            : score_wide<Q>(tile, n_pairs, rows);
    } else {
      rises = score_wide<Q>(tile, n_pairs, rows);
    }
    if (t + 1 < chunk.n_tiles + chunk.n_ahead) fetch_start(chunk.tiles[t + 1].keys);
    if (before != nullptr) weigh_wide<Q>(before->values, rows, head_dim, out);
    if (!all) hide_unseen<Q>(tile, of_rows, rows);
    if (rises || rows.unseen != 0) raise_shift<Q>(rows, head_dim, out);
    before = &tile;
    all_of_before = all;
    if constexpr (Q < kBesideRows) {
      soften_wide<Q>(tile, rows);
      weigh_wide<Q>(tile.values, rows, head_dim, out);
      before = nullptr;
    }
  }
  if (before != nullptr) {
    soften_wide<Q>(*before, rows);
    weigh_wide<Q>(before->values, rows, head_dim, out);
  }
  float* const max = chunk.partial + std::size_t{chunk.n_rows} * head_dim + first;
  VecF sums[Q];
  for (int q = 0; q < Q; ++q) {
    sums[q] = hn::Load(kFloats, rows.sums[q]);
    max[q] = (rows.unseen >> q & 1) != 0 ? -__builtin_inff() : rows.shift[q];
  }
  store_first(over_lanes(sums, Added()), Q, max + chunk.n_rows);
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
