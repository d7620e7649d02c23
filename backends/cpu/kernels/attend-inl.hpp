// Partial attention over a run of positions. Included by level-inl.hpp only.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kQueriesAtOnce = 8;

// Multiplies scores by `scale`; the largest product.
HWY_INLINE float scale_scores(float* scores, std::uint32_t n, float scale) {
  const VecF factor = hn::Set(kFloats, scale);
  VecF largest = hn::Set(kFloats, scores[0] * scale);
  for_vectors(
      n,
      [&](std::uint32_t i) {
        const VecF scaled = hn::Mul(hn::LoadU(kFloats, scores + i), factor);
        hn::StoreU(scaled, kFloats, scores + i);
        largest = hn::Max(largest, scaled);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        const VecF scaled = hn::Mul(load_first(scores + i, left), factor);
        store_first(scaled, left, scores + i);
        const VecF counted = hn::IfThenElse(hn::FirstN(kFloats, left), scaled, largest);
        largest = hn::Max(largest, counted);
      });
  return hn::GetLane(hn::MaxOfLanes(kFloats, largest));
}

// Turns scores into exp(score - max) and gives max and sum.
HWY_INLINE void soften(float* scores, std::uint32_t n, float scale, float* max_and_sum) {
  const float largest = scale_scores(scores, n, scale);
  const VecF shift = hn::Set(kFloats, largest);
  VecF sums = hn::Zero(kFloats);
  for_vectors(
      n,
      [&](std::uint32_t i) {
        const VecF power = hn::Exp(kFloats, hn::Sub(hn::LoadU(kFloats, scores + i), shift));
        hn::StoreU(power, kFloats, scores + i);
        sums = hn::Add(sums, power);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        const VecF power = hn::Exp(kFloats, hn::Sub(load_first(scores + i, left), shift));
        store_first(power, left, scores + i);
        sums = hn::Add(sums, load_first(scores + i, left));
      });
  max_and_sum[0] = largest;
  max_and_sum[1] = hn::GetLane(hn::SumOfLanes(kFloats, sums));
}

template <typename Row>
HWY_INLINE void score_positions(const AttendChunk& chunk, const float* queries, std::uint32_t n,
                                float (*scores)[kAttendPositions]) {
  static constexpr std::uint32_t kQueries[kQueriesAtOnce] = {0, 1, 2, 3, 4, 5, 6, 7};
  const Activations x{queries, chunk.head_dim, nullptr, nullptr, nullptr};
  for (std::uint32_t p = 0; p < chunk.n_positions; p += kTileRows) {
    const std::byte* keys[kTileRows];
    for (std::uint32_t r = 0; r < kTileRows; ++r)
      keys[r] = chunk.keys[p + r < chunk.n_positions ? p + r : chunk.n_positions - 1];
    float out[kQueriesAtOnce * kTileRows];
    dot_float<Row>(keys, nullptr, kTileRows, chunk.head_dim, x, kQueries, n, out);
    for (std::uint32_t q = 0; q < n; ++q)
      __builtin_memcpy(scores[q] + p, out + q * kTileRows, kTileRows * sizeof(float));
  }
}

template <typename Row, int Q>
HWY_INLINE void weigh_values(const AttendChunk& chunk, const float (*scores)[kAttendPositions],
                             float* partial) {
  const std::size_t stride = chunk.head_dim + 2;
  const auto column = [&](auto load, auto store) {
    VecF acc[Q][1];
    for (int q = 0; q < Q; ++q) acc[q][0] = hn::Zero(kFloats);
    combine_columns<Q, 1>(chunk.n_positions, scores[0], kAttendPositions, load, acc);
    for (int q = 0; q < Q; ++q) store(acc[q][0], static_cast<std::size_t>(q) * stride);
  };
  for_vectors(
      chunk.head_dim,
      [&](std::uint32_t i) {
        column([&](std::uint32_t p, int) { return Row::load(chunk.values[p], i); },
               [&](VecF sum, std::size_t at) { hn::StoreU(sum, kFloats, partial + at + i); });
      },
      [&](std::uint32_t i, std::uint32_t left) {
        column([&](std::uint32_t p, int) { return Row::load_tail(chunk.values[p], i, left); },
               [&](VecF sum, std::size_t at) { store_first(sum, left, partial + at + i); });
      });
}

template <typename Row>
void attend(const AttendChunk& chunk) {
  alignas(64) float scores[kQueriesAtOnce][kAttendPositions];
  const std::size_t stride = chunk.head_dim + 2;
  for (std::uint32_t first = 0; first < chunk.n_queries; first += kQueriesAtOnce) {
    const std::uint32_t left = chunk.n_queries - first;
    const std::uint32_t n = left < kQueriesAtOnce ? left : kQueriesAtOnce;
    score_positions<Row>(chunk, chunk.queries + std::size_t{first} * chunk.head_dim, n, scores);
    float* const partial = chunk.partial + first * stride;
    for (std::uint32_t q = 0; q < n; ++q)
      soften(scores[q], chunk.n_positions, chunk.scale, partial + q * stride + chunk.head_dim);
    std::uint32_t q = 0;
    for (; q + 4 <= n; q += 4) weigh_values<Row, 4>(chunk, scores + q, partial + q * stride);
    for (; q < n; ++q) weigh_values<Row, 1>(chunk, scores + q, partial + q * stride);
  }
}

}  // namespace
}  // namespace synfire::cpu
