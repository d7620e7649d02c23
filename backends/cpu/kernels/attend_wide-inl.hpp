// Partial attention over keys and values of 16-bit integers, at the avx512 level. Included by
// level-inl.hpp only.
//
// A lane multiplies and adds two of them where it makes one float FMA, and nothing has to be
// converted. Keys, values and queries are scaled to a norm of kWideNorm (wide_dot-inl.hpp), so a
// score's sum, whole or partial, stays within 32 bits by Cauchy and Schwarz. Shares times the
// values' scales become 16-bit integers for each window of kWindow positions, the same slots of all
// tiles of a chunk: at most kWindowSum together, so the sums of a window stay within 32 bits too.
// Roundings are no larger than those of half floats: half a unit of kWideNorm in an element of a
// key, query or value, and in all positions of a window half of kWindow in kWindowSum of what it
// weighs, 2^-12.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kWindowSlots = 2;
constexpr std::uint32_t kWindows = kKvTile / kWindowSlots;
constexpr std::uint32_t kWindow = kAttendTiles * kWindowSlots;
// With kWindow / 2 for roundings, times 2^15: below 2^31.
constexpr float kWindowSum = 65500, kWindowShare = 32766;
static_assert(kKvTile == kLanes && (kWindowSum + kWindow / 2) * 32768.0 < 2147483648.0);

// Keys of a pair of elements, values of a pair of positions and 16 elements: a vector.
constexpr std::size_t kWideStep = 64;

// n elements as integers of a norm of kWideNorm, then zeros to a whole vector; then their scale, a
// float. All zeros below a norm of 1e-15, where squares lose their bits.
void to_wide(const float* x, std::uint32_t n, std::byte* row) {
  VecF squares = hn::Zero(kFloats);
  const auto load = [&](std::uint32_t i) {
    return i + kLanes <= n ? hn::LoadU(kFloats, x + i) : load_first(x + i, n - i);
  };
  for (std::uint32_t i = 0; i < n; i += kLanes) squares = hn::MulAdd(load(i), load(i), squares);
  const float norm = __builtin_sqrtf(hn::GetLane(hn::SumOfLanes(kFloats, squares)));
  // What is not finite becomes no number.
  const float scale = norm < 1e-15f ? 0 : norm / kWideNorm + (norm - norm);
  const VecF inverse = hn::Set(kFloats, scale > 0 ? 1 / scale : 0.0f);
  for (std::uint32_t i = 0; i < n; i += kLanes) {
    const __m512i rounded = _mm512_cvtps_epi32(hn::Mul(load(i), inverse).raw);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(row + i * sizeof(std::int16_t)),
                        _mm512_cvtsepi32_epi16(rounded));
  }
  __builtin_memcpy(row + wide_dim(n) * sizeof(std::int16_t), &scale, sizeof scale);
}

// 2^x for x <= 0 and what rounding puts above, within 2e-7 of it; exactly 0 for minus infinity.
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

// Positions of a tile that a row sees.
HWY_INLINE std::uint32_t seen(const AttendTile& tile, std::uint32_t length) {
  const std::uint32_t left = length > tile.first ? length - tile.first : 0;
  return left < tile.n ? left : tile.n;
}

// Scores of Q rows over T tiles, but for the rows' scales. `Ahead`: meanwhile the next T tiles of
// keys and the values of these are fetched.
template <int Q, int T, bool Ahead>
HWY_INLINE void score_wide_tiles(const AttendChunk& chunk, std::uint32_t t, const AttendRow* rows,
                                 Scores* scores) {
  const std::uint32_t n_pairs = wide_dim(chunk.head_dim) / 2;
  const std::byte *keys[T], *next[T], *values[T];
#pragma GCC unroll 4
  for (int i = 0; i < T; ++i) {
    keys[i] = chunk.tiles[t + i].keys;
    next[i] = keys_ahead(chunk, t + T + i);
    values[i] = chunk.tiles[t + i].values;
  }
  const std::int16_t* queries[Q];
  VecI dots[Q][T];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) {
    queries[q] = rows[q].wide;
#pragma GCC unroll 4
    for (int i = 0; i < T; ++i) dots[q][i] = no_ints();
  }
  for (std::uint32_t pair = 0; pair < n_pairs; ++pair) {
    VecI key[T];
#pragma GCC unroll 4
    for (int i = 0; i < T; ++i) {
      const std::size_t at = pair * kWideStep;
      key[i] = load_ints(keys[i] + at);
      if constexpr (Ahead) {
        fetch(next[i] + at);
        fetch(values[i] + at);
      }
    }
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
      for (int i = 0; i < T; ++i)
        dots[q][i] = dot_add_pair(dots[q][i], key[i], queries[q] + pair * 2);
  }
  const VecF factor = hn::Set(kFloats, chunk.scale * 1.4426950408889634f);
#pragma GCC unroll 4
  for (int i = 0; i < T; ++i) {
    const std::size_t at = n_pairs * kWideStep;
    if constexpr (Ahead) {
      fetch(next[i] + at);
      fetch(values[i] + at);
    }
    const VecF scale =
        hn::Mul(hn::LoadU(kFloats, reinterpret_cast<const float*>(keys[i] + at)), factor);
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
      hn::StoreU(hn::Mul(to_floats(dots[q][i]), scale), kFloats, scores[q] + (t + i) * kKvTile);
  }
}

template <int Q, bool Ahead>
HWY_INLINE void score_wide(const AttendChunk& chunk, std::uint32_t n_tiles, const AttendRow* rows,
                           Scores* scores) {
  constexpr int kTiles = Q == 8 ? 1 : Q == 4 ? 2 : 4;  // sums enough to hide their latency
  std::uint32_t t = 0;
  for (; t + kTiles <= n_tiles; t += kTiles)
    score_wide_tiles<Q, kTiles, Ahead>(chunk, t, rows, scores);
  for (; t < n_tiles; ++t) score_wide_tiles<Q, 1, Ahead>(chunk, t, rows, scores);
}

// What a row's positions weigh.
struct WideShares {
  alignas(64) std::int16_t quants[kAttendPositions];
  alignas(64) float scales[kLanes];  // of a window, in all its slots
};

HWY_INLINE VecF of_window(VecF slots) {
  return VecF{_mm512_permute_ps(slots.raw, 0xb1)};  // neighbours change places
}

// Turns a row's scores into shares; see soften().
HWY_INLINE void soften_wide(const AttendChunk& chunk, std::uint32_t n_tiles, const AttendRow& row,
                            float* scores, WideShares& shares, float* max, float* sum) {
  const VecF nothing = hn::Set(kFloats, -__builtin_inff());
  VecF largest = nothing;
  for (std::uint32_t t = 0; t < n_tiles; ++t) {
    float* const at = scores + t * kKvTile;
    VecF score = hn::LoadU(kFloats, at);
    if (const std::uint32_t n = seen(chunk.tiles[t], row.length); n < kKvTile) {
      score = hn::IfThenElse(hn::FirstN(kFloats, n), score, nothing);
      hn::StoreU(score, kFloats, at);
    }
    largest = hn::Max(largest, score);
  }
  // Of a query of zeros too, what is not seen is infinitely far.
  const float scale = row.scales[0] == 0 ? 1 : row.scales[0];
  *max = hn::GetLane(hn::MaxOfLanes(kFloats, largest)) * scale;
  const VecF factor = hn::Set(kFloats, scale);
  const VecF shift = hn::Set(kFloats, *max < -3e38f ? 0.0f : *max);
  VecF sums = hn::Zero(kFloats), weights = hn::Zero(kFloats), heaviest = hn::Zero(kFloats);
  for (std::uint32_t t = 0; t < n_tiles; ++t) {
    const AttendTile& tile = chunk.tiles[t];
    const std::byte* const scales = tile.values + kWideStep * wide_dim(chunk.head_dim) / 2;
    const VecF value = hn::LoadU(kFloats, reinterpret_cast<const float*>(scales));
    const VecF share =
        wide_power_of_two(hn::MulSub(hn::LoadU(kFloats, scores + t * kKvTile), factor, shift));
    VecF weight = hn::Mul(share, value);
    if (const std::uint32_t n = seen(tile, row.length); n < kKvTile)
      weight = hn::IfThenElseZero(hn::FirstN(kFloats, n), weight);
    hn::StoreU(weight, kFloats, scores + t * kKvTile);
    sums = hn::Add(sums, share);
    weights = hn::Add(weights, weight);
    heaviest = hn::Max(heaviest, weight);
  }
  *sum = hn::GetLane(hn::SumOfLanes(kFloats, sums));
  weights = hn::Add(weights, of_window(weights));
  heaviest = hn::Max(heaviest, of_window(heaviest));
  const VecF unit = hn::Max(hn::Mul(heaviest, hn::Set(kFloats, 1 / kWindowShare)),
                            hn::Mul(weights, hn::Set(kFloats, 1 / kWindowSum)));
  hn::Store(unit, kFloats, shares.scales);
  const auto weighs = hn::Ge(unit, hn::Set(kFloats, 1e-30f));
  const VecF inverse = hn::IfThenElseZero(weighs, hn::Div(hn::Set(kFloats, 1.0f), unit));
  for (std::uint32_t t = 0; t < n_tiles; ++t) {
    const VecF weight = hn::Mul(hn::LoadU(kFloats, scores + t * kKvTile), inverse);
    _mm256_store_si256(reinterpret_cast<__m256i*>(shares.quants + t * kKvTile),
                       _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(weight.raw)));
  }
}

// out [Q, head_dim] = sums over the positions of the tiles; C vectors of elements from `first` on.
template <int Q, int C, bool Ahead>
HWY_INLINE void weigh_wide_columns(const AttendChunk& chunk, std::uint32_t n_tiles,
                                   const WideShares* shares, std::uint32_t first, float* out) {
  const std::uint32_t row_steps = wide_dim(chunk.head_dim) / kLanes;
  const std::uint32_t step = first / kLanes;
  VecF acc[Q][C];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) acc[q][c] = hn::Zero(kFloats);
  for (std::uint32_t window = 0; window < kWindows; ++window) {
    const std::size_t at = (std::size_t{window} * row_steps + step) * kWideStep;
    VecI sums[Q][C];
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) sums[q][c] = no_ints();
    for (std::uint32_t t = 0; t < n_tiles; ++t) {
      const std::byte* const values = chunk.tiles[t].values + at;
      const std::byte* const next = Ahead ? keys_ahead(chunk, chunk.n_tiles + t) + at : nullptr;
      VecI value[C];
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) {
        value[c] = load_ints(values + c * kWideStep);
        if constexpr (Ahead) fetch(next + c * kWideStep);
      }
#pragma GCC unroll 8
      for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c)
          sums[q][c] = dot_add_pair(sums[q][c], value[c],
                                    shares[q].quants + t * kKvTile + window * kWindowSlots);
    }
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q) {
      const VecF scale = hn::Set(kFloats, shares[q].scales[window * kWindowSlots]);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) acc[q][c] = hn::MulAdd(to_floats(sums[q][c]), scale, acc[q][c]);
    }
  }
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      const std::uint32_t element = first + static_cast<std::uint32_t>(c) * kLanes;
      const std::uint32_t left = chunk.head_dim - element;
      float* const to = out + static_cast<std::size_t>(q) * chunk.head_dim + element;
      if (left < kLanes)
        store_first(acc[q][c], left, to);
      else
        hn::StoreU(acc[q][c], kFloats, to);
    }
}

template <int Q, bool Ahead>
HWY_INLINE void weigh_wide(const AttendChunk& chunk, std::uint32_t n_tiles,
                           const WideShares* shares, float* out) {
  constexpr int kColumns = Q == 8 ? 1 : Q == 4 ? 2 : 4;
  const std::uint32_t dim = wide_dim(chunk.head_dim);
  std::uint32_t i = 0;
  for (; i + kColumns * kLanes <= dim; i += kColumns * kLanes)
    weigh_wide_columns<Q, kColumns, Ahead>(chunk, n_tiles, shares, i, out);
  for (; i < dim; i += kLanes) weigh_wide_columns<Q, 1, Ahead>(chunk, n_tiles, shares, i, out);
}

// Rows [first, first + Q) of the chunk. `Ahead`: they fetch what is read next.
template <int Q, bool Ahead>
[[gnu::noinline]] void attend_wide_rows(const AttendChunk& chunk, std::uint32_t first) {
  alignas(64) Scores scores[Q];
  WideShares shares[Q];
  const AttendRow* const rows = chunk.rows + first;
  std::uint32_t length = 0;
  for (int q = 0; q < Q; ++q) length = rows[q].length > length ? rows[q].length : length;
  std::uint32_t n_tiles = chunk.n_tiles;
  while (n_tiles > 0 && chunk.tiles[n_tiles - 1].first >= length) --n_tiles;
  score_wide<Q, Ahead>(chunk, n_tiles, rows, scores);
  float* const max = chunk.partial + std::size_t{chunk.n_rows} * chunk.head_dim + first;
  for (int q = 0; q < Q; ++q)
    soften_wide(chunk, n_tiles, rows[q], scores[q], shares[q], max + q, max + chunk.n_rows + q);
  float* const out = chunk.partial + std::size_t{first} * chunk.head_dim;
  if (Ahead && chunk.n_ahead != 0)
    weigh_wide<Q, Ahead>(chunk, n_tiles, shares, out);
  else
    weigh_wide<Q, false>(chunk, n_tiles, shares, out);
}

template <int Q>
HWY_INLINE std::uint32_t attend_wide_groups(const AttendChunk& chunk, std::uint32_t first) {
  if (first == 0 && Q <= chunk.n_rows) {
    attend_wide_rows<Q, true>(chunk, 0);
    first = Q;
  }
  for (; first + Q <= chunk.n_rows; first += Q) attend_wide_rows<Q, false>(chunk, first);
  return first;
}

void attend_wide(const AttendChunk& chunk) {
  std::uint32_t first = 0;
  first = attend_wide_groups<8>(chunk, first);
  first = attend_wide_groups<4>(chunk, first);
  first = attend_wide_groups<2>(chunk, first);
  attend_wide_groups<1>(chunk, first);
}

}  // namespace
}  // namespace synfire::cpu
