// Partial attention over a run of positions, and merging of partial results. Included by
// level-inl.hpp only.
#pragma once

namespace synfire::cpu {
namespace {

// 2^x for x <= 0, within 2e-7 of it; exactly 1 for 0 and exactly 0 below -126. The coefficients are
// those of the polynomial 1 + x * q(x) of least relative error on [-1/2, 1/2], found by Remez'
// exchange.
HWY_INLINE VecF power_of_two(VecF x) {
  const hn::Rebind<std::int32_t, Floats> numbers;
  const auto whole = hn::NearestInt(x);
  const VecF part = hn::Sub(x, hn::ConvertTo(kFloats, whole));
  VecF sum = hn::Set(kFloats, 0.00015594677824992687f);
  for (const float factor : {0.0013406643411144614f, 0.009617692790925503f, 0.055503103882074356f,
                             0.24022652208805084f, 0.6931472420692444f, 1.0f})
    sum = hn::MulAdd(sum, part, hn::Set(kFloats, factor));
  const auto exponent = hn::ShiftLeft<23>(hn::Add(whole, hn::Set(numbers, 127)));
  const VecF power = hn::Mul(sum, hn::BitCast(kFloats, exponent));
  return hn::IfThenElseZero(hn::Ge(x, hn::Set(kFloats, -126.0f)), power);
}

// Turns a row's scores into shares 2^(score - max), scores in units of log 2; zeros where the row
// sees nothing. Gives max and sum.
HWY_INLINE void soften(const AttendChunk& chunk, std::uint32_t n_tiles, std::uint32_t length,
                       float* scores, float* max, float* sum) {
  const VecF factor = hn::Set(kFloats, chunk.scale * 1.4426950408889634f);
  const VecF nothing = hn::Set(kFloats, -__builtin_inff());
  VecF largest = nothing;
  for (std::uint32_t t = 0; t < n_tiles; ++t) {
    const AttendTile& tile = chunk.tiles[t];
    const std::uint32_t left = length > tile.first ? length - tile.first : 0;
    const std::uint32_t n = left < tile.n ? left : tile.n;
    for (std::uint32_t i = 0; i < kKvTile; i += kLanes) {
      float* const at = scores + t * kKvTile + i;
      VecF scaled = hn::Mul(hn::LoadU(kFloats, at), factor);
      if (n < i + kLanes)
        scaled = hn::IfThenElse(hn::FirstN(kFloats, n < i ? 0 : n - i), scaled, nothing);
      hn::StoreU(scaled, kFloats, at);
      largest = hn::Max(largest, scaled);
    }
  }
  *max = hn::GetLane(hn::MaxOfLanes(kFloats, largest));
  // A row that sees nothing: any finite maximum gives shares of 0.
  const VecF shift = hn::Set(kFloats, *max < -3e38f ? 0.0f : *max);
  VecF sums = hn::Zero(kFloats);
  for (std::uint32_t i = 0; i < n_tiles * kKvTile; i += kLanes) {
    const VecF share = power_of_two(hn::Sub(hn::LoadU(kFloats, scores + i), shift));
    hn::StoreU(share, kFloats, scores + i);
    sums = hn::Add(sums, share);
  }
  *sum = hn::GetLane(hn::SumOfLanes(kFloats, sums));
}

// Rows [first, first + Q) of the chunk.
template <typename Keys, typename Values, int Q>
HWY_INLINE void attend_rows(const AttendChunk& chunk, std::uint32_t first) {
  alignas(64) Scores scores[Q];
  const AttendRow* const rows = chunk.rows + first;
  std::uint32_t length = 0;
  for (int q = 0; q < Q; ++q) length = rows[q].length > length ? rows[q].length : length;
  std::uint32_t n_tiles = chunk.n_tiles;
  while (n_tiles > 0 && chunk.tiles[n_tiles - 1].first >= length) --n_tiles;
  Keys::template score<Q>(chunk, n_tiles, rows, scores);
  float* const max = chunk.partial + std::size_t{chunk.n_rows} * chunk.head_dim + first;
  for (int q = 0; q < Q; ++q)
    soften(chunk, n_tiles, rows[q].length, scores[q], max + q, max + chunk.n_rows + q);
  Values::template weigh<Q>(chunk, n_tiles, length, scores, first == 0 && chunk.n_ahead != 0,
                            chunk.partial + std::size_t{first} * chunk.head_dim);
}

template <typename Keys, typename Values>
void attend(const AttendChunk& chunk) {
  std::uint32_t first = 0;
  if constexpr (kLanes == 16)
    for (; first + 8 <= chunk.n_rows; first += 8) attend_rows<Keys, Values, 8>(chunk, first);
  for (; first + 4 <= chunk.n_rows; first += 4) attend_rows<Keys, Values, 4>(chunk, first);
  for (; first + 2 <= chunk.n_rows; first += 2) attend_rows<Keys, Values, 2>(chunk, first);
  if (first < chunk.n_rows) attend_rows<Keys, Values, 1>(chunk, first);
}

// Takes the partial result of the positions that follow into `sum` (online softmax, arXiv
// 1805.02867). What a row does not see changes nothing of it.
void merge_attended(const float* partial, std::uint32_t n_rows, std::uint32_t head_dim,
                    float* sum) {
  const std::size_t stats = std::size_t{n_rows} * head_dim;
  for (std::uint32_t first = 0; first < n_rows; first += kLanes) {
    const std::uint32_t n = n_rows - first < kLanes ? n_rows - first : kLanes;
    float* const max = sum + stats + first;
    const VecF old_max = load_first(max, n);
    const VecF new_max = load_first(partial + stats + first, n);
    const VecF largest = hn::Max(old_max, new_max);
    alignas(64) float kept[kLanes], taken[kLanes];
    const VecF keep = power_of_two(hn::Sub(old_max, largest));
    const VecF take = power_of_two(hn::Sub(new_max, largest));
    hn::Store(keep, kFloats, kept);
    hn::Store(take, kFloats, taken);
    store_first(largest, n, max);
    const VecF new_sums = load_first(partial + stats + n_rows + first, n);
    const VecF sums = hn::Mul(load_first(max + n_rows, n), keep);
    store_first(hn::MulAdd(new_sums, take, sums), n, max + n_rows);
    for (std::uint32_t r = 0; r < n; ++r) {
      const std::size_t row = std::size_t{first + r} * head_dim;
      scale_row(kept[r], head_dim, sum + row);
      add_scaled_floats(partial + row, taken[r], head_dim, sum + row);
    }
  }
}

}  // namespace
}  // namespace synfire::cpu
