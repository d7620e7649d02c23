// Scores of some query rows over tiles of keys. Included by level-inl.hpp only.
//
// Lanes are positions, elements are added in rising order: a score does not depend on what is
// computed beside it.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kTileVectors = kKvTile / kLanes;

// [row, position from the chunk's first tile on]
using Scores = float[kAttendPositions];

HWY_INLINE void fetch(const std::byte* at) { __builtin_prefetch(at, 0, 2); }

// Keys of the tile at `t` of the list, or some others where the list is shorter.
HWY_INLINE const std::byte* keys_ahead(const AttendChunk& chunk, std::uint32_t t) {
  const std::uint32_t listed = chunk.n_tiles + chunk.n_ahead;
  return chunk.tiles[t < listed ? t : listed - 1].keys;
}

// While T tiles of keys are read, the next T and the values of these are fetched.
template <typename Row, int Q, int T>
HWY_INLINE void score_tiles(const AttendChunk& chunk, std::uint32_t t, const AttendRow* rows,
                            Scores* scores) {
  constexpr int V = T * static_cast<int>(kTileVectors);
  constexpr std::uint32_t kStepBytes = kKvTile * Row::kBytes;  // of one element's vector
  constexpr std::uint32_t kSteps = kStepBytes < 64 ? 64 / kStepBytes : 1;  // of a cache line
  const std::byte *keys[T], *next[T], *values[T];
#pragma GCC unroll 4
  for (int i = 0; i < T; ++i) {
    keys[i] = chunk.tiles[t + i].keys;
    next[i] = keys_ahead(chunk, t + T + i);
    values[i] = chunk.tiles[t + i].values;
  }
  const float* queries[Q];
  VecF acc[Q][V];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) {
    queries[q] = rows[q].query;
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) acc[q][v] = hn::Zero(kFloats);
  }
  const auto add_element = [&](std::uint32_t d) {
    VecF key[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      key[v] =
          Row::load(keys[v / kTileVectors], std::size_t{d} * kKvTile + v % kTileVectors * kLanes);
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q) {
      const VecF element = hn::Set(kFloats, queries[q][d]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[q][v] = hn::MulAdd(element, key[v], acc[q][v]);
    }
  };
  std::uint32_t d = 0;
  for (; d + kSteps <= chunk.head_dim; d += kSteps) {
#pragma GCC unroll 4
    for (int i = 0; i < T; ++i) {
      fetch(next[i] + std::size_t{d} * kStepBytes);
      fetch(values[i] + std::size_t{d} * kStepBytes);
    }
#pragma GCC unroll 2
    for (std::uint32_t step = 0; step < kSteps; ++step) add_element(d + step);
  }
  for (; d < chunk.head_dim; ++d) add_element(d);
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      hn::StoreU(acc[q][v], kFloats, scores[q] + t * kKvTile + v * kLanes);
}

// Keys of float dtypes.
template <typename Row>
struct FloatKeys {
  template <int Q>
  HWY_INLINE static void score(const AttendChunk& chunk, std::uint32_t n_tiles,
                               const AttendRow* rows, Scores* scores) {
    // Enough sums side by side to hide the latency of an addition; no tile more than that takes,
    // for a query's element that meets one vector comes from memory for free.
    constexpr int kTiles = Q == 8 ? 1 : Q == 4 ? (kLanes == 16 ? 4 : 1) : 4 / Q;
    std::uint32_t t = 0;
    for (; t + kTiles <= n_tiles; t += kTiles) score_tiles<Row, Q, kTiles>(chunk, t, rows, scores);
    for (; t < n_tiles; ++t) score_tiles<Row, Q, 1>(chunk, t, rows, scores);
  }
};

// Queries [n] to blocks of 32 quants: scale = largest magnitude / 127, quants rounded to nearest
// even.
void quantize_queries(const float* x, std::uint32_t n, std::int8_t* quants, float* scales,
                      std::int32_t* sums) {
  const hn::Rebind<std::int32_t, Floats> wide;
  const hn::Rebind<std::int8_t, Floats> narrow;
  for (std::uint32_t b = 0; b < n / 32; ++b, x += 32, quants += 32) {
    VecF largest = hn::Zero(kFloats);
    for (std::uint32_t i = 0; i < 32; i += kLanes)
      largest = hn::Max(largest, hn::Abs(hn::LoadU(kFloats, x + i)));
    const float magnitude = hn::GetLane(hn::MaxOfLanes(kFloats, largest));
    const VecF inverse = hn::Set(kFloats, magnitude > 0 ? 127.0f / magnitude : 0.0f);
    auto sum = hn::Zero(wide);
    for (std::uint32_t i = 0; i < 32; i += kLanes) {
      const auto rounded = hn::NearestInt(hn::Mul(hn::LoadU(kFloats, x + i), inverse));
      hn::StoreU(hn::DemoteTo(narrow, rounded), narrow, quants + i);
      sum = hn::Add(sum, rounded);
    }
    scales[b] = magnitude / 127.0f;
    sums[b] = hn::GetLane(hn::SumOfLanes(wide, sum));
  }
}

HWY_INLINE VecI in_all_lanes(std::int32_t value) {
  return hn::Set(hn::Rebind<std::int32_t, Floats>(), value).raw;
}
HWY_INLINE VecI four_in_all_lanes(const std::int8_t* quants) {
  std::int32_t four;
  __builtin_memcpy(&four, quants, sizeof four);
  return in_all_lanes(four);
}

// 4 elements of some positions, as dot_add_q8 wants weights.
HWY_INLINE VecI load_key_quants(const std::byte* at) {
  if constexpr (kQ8Zero == 0) return load_ints(at);
  const hn::ScalableTag<std::uint8_t> bytes;
  const auto quants = hn::LoadU(bytes, reinterpret_cast<const std::uint8_t*>(at));
  return hn::Xor(quants, hn::Set(bytes, 0x80)).raw;
}

// Q8_0 keys, with queries in 8 bits: exact integer dots of 32 elements.
struct Q8Keys {
  template <int Q>
  HWY_INLINE static void score(const AttendChunk& chunk, std::uint32_t n_tiles,
                               const AttendRow* rows, Scores* scores) {
    for (std::uint32_t t = 0; t < n_tiles; ++t) score_tile<Q>(chunk, t, rows, scores);
  }

 private:
  static constexpr int V = static_cast<int>(kTileVectors);

  template <int Q>
  HWY_INLINE static void score_tile(const AttendChunk& chunk, std::uint32_t t,
                                    const AttendRow* rows, Scores* scores) {
    const std::byte* const tile = chunk.tiles[t].keys;
    const std::byte* const next = keys_ahead(chunk, t + 1);
    const std::byte* const scales = tile + std::size_t{chunk.head_dim} * kKvTile;
    VecF acc[Q][V];
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[q][v] = hn::Zero(kFloats);
    for (std::uint32_t b = 0; b < chunk.head_dim / 32; ++b) {
      VecI dots[Q][V];
      dot_block<Q>(tile, next, chunk.tiles[t].values, b, rows, dots);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        const VecF scale = F16Row::load(scales, std::size_t{b} * kKvTile + v * kLanes);
#pragma GCC unroll 8
        for (int q = 0; q < Q; ++q)
          acc[q][v] = hn::MulAdd(to_floats(dots[q][v]),
                                 hn::Mul(scale, hn::Set(kFloats, rows[q].scales[b])), acc[q][v]);
      }
    }
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v)
        hn::StoreU(acc[q][v], kFloats, scores[q] + t * kKvTile + v * kLanes);
  }

  template <int Q>
  HWY_INLINE static void dot_block(const std::byte* tile, const std::byte* next,
                                   const std::byte* values, std::uint32_t b, const AttendRow* rows,
                                   VecI (&dots)[Q][V]) {
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) dots[q][v] = in_all_lanes(-kQ8Zero * rows[q].sums[b]);
#pragma GCC unroll 8
    for (std::size_t g = 0; g < 8; ++g) {
      const std::size_t at = (b * 8 + g) * kKvTile * 4;
      fetch(next + at);
      fetch(values + at);
      VecI keys[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v)
        keys[v] = load_key_quants(tile + at + static_cast<std::size_t>(v) * sizeof(VecI));
#pragma GCC unroll 8
      for (int q = 0; q < Q; ++q) {
        const VecI four = four_in_all_lanes(rows[q].quants + b * 32 + g * 4);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) dots[q][v] = dot_add_q8(dots[q][v], keys[v], four);
      }
    }
  }
};

}  // namespace
}  // namespace synfire::cpu
