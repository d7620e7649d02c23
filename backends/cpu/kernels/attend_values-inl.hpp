// Sums of values, weighted by shares of positions. Included by level-inl.hpp only.
//
// Lanes are elements of the head, positions are added in rising order.
#pragma once

namespace synfire::cpu {
namespace {

// Fetches as much of a tile of keys as is read of values: `Bytes` of each position's row from
// `first` on. So what is ahead comes evenly.
template <std::uint32_t Bytes>
HWY_INLINE void fetch_share(const std::byte* keys, std::uint32_t first, std::uint32_t position) {
  const std::byte* const share = keys + std::size_t{first} * kKvTile;
  if constexpr (Bytes < 64) {
    if (position % (64 / Bytes) == 0) fetch(share + position * Bytes);
  } else {
#pragma GCC unroll 4
    for (std::uint32_t at = 0; at < Bytes; at += 64) fetch(share + position * Bytes + at);
  }
}

// Values of float dtypes.
template <typename Row>
struct FloatValues {
  // out [Q, head_dim] = sums over the positions of the tiles below `length`. `ahead`: the keys that
  // are read next are fetched meanwhile.
  template <int Q>
  HWY_INLINE static void weigh(const AttendChunk& chunk, std::uint32_t n_tiles,
                               std::uint32_t length, const Scores* shares, bool ahead, float* out) {
    // Vectors at once: so many that the latency of an addition is hidden; as for keys.
    constexpr std::uint32_t kWide = Q == 8 ? 1 : kLanes == 16 ? 4 : 2;
    std::uint32_t i = 0;
    for (; i + kWide * kLanes <= chunk.head_dim; i += kWide * kLanes)
      columns<Q, kWide>(chunk, n_tiles, length, shares, ahead, i, 0, out);
    for (; i + kLanes <= chunk.head_dim; i += kLanes)
      columns<Q, 1>(chunk, n_tiles, length, shares, ahead, i, 0, out);
    if (i < chunk.head_dim)
      columns<Q, 1>(chunk, n_tiles, length, shares, ahead, i, chunk.head_dim - i, out);
  }

 private:
  // C vectors of elements from `first` on, or `tail` elements where that is not 0.
  template <int Q, std::uint32_t C>
  HWY_INLINE static void columns(const AttendChunk& chunk, std::uint32_t n_tiles,
                                 std::uint32_t length, const Scores* shares, bool ahead,
                                 std::uint32_t first, std::uint32_t tail, float* out) {
    const std::size_t row_bytes = std::size_t{chunk.head_dim} * Row::kBytes;
    VecF acc[Q][C];
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
      for (std::uint32_t c = 0; c < C; ++c) acc[q][c] = hn::Zero(kFloats);
    for (std::uint32_t t = 0; t < n_tiles; ++t) {
      const AttendTile& tile = chunk.tiles[t];
      const std::uint32_t left = length - tile.first;
      const std::uint32_t n = left < tile.n ? left : tile.n;
      const std::byte* const next = ahead ? keys_ahead(chunk, chunk.n_tiles + t) : nullptr;
      for (std::uint32_t p = 0; p < n; ++p) {
        const std::byte* const row = tile.values + p * row_bytes;
        if (next != nullptr) fetch_share<C * kLanes * Row::kBytes>(next, first * Row::kBytes, p);
        VecF value[C];
#pragma GCC unroll 4
        for (std::uint32_t c = 0; c < C; ++c)
          value[c] = C == 1 && tail != 0 ? Row::load_tail(row, first, tail)
                                         : Row::load(row, first + c * kLanes);
#pragma GCC unroll 8
        for (int q = 0; q < Q; ++q) {
          const VecF share = hn::Set(kFloats, shares[q][t * kKvTile + p]);
#pragma GCC unroll 4
          for (std::uint32_t c = 0; c < C; ++c) acc[q][c] = hn::MulAdd(share, value[c], acc[q][c]);
        }
      }
    }
    for (int q = 0; q < Q; ++q) {
      float* const to = out + static_cast<std::size_t>(q) * chunk.head_dim + first;
      for (std::uint32_t c = 0; c < C; ++c) {
        if (C == 1 && tail != 0)
          store_first(acc[q][c], tail, to);
        else
          hn::StoreU(acc[q][c], kFloats, to + c * kLanes);
      }
    }
  }
};

// Q8_0 values: the scale of a position's block joins the position's share.
struct Q8Values {
  template <int Q>
  HWY_INLINE static void weigh(const AttendChunk& chunk, std::uint32_t n_tiles,
                               std::uint32_t length, const Scores* shares, bool ahead, float* out) {
    constexpr std::uint32_t kWide = Q == 8 ? 1 : 2;  // vectors at once
    alignas(64) Scores scaled[Q];
    for (std::uint32_t b = 0; b < chunk.head_dim / 32; ++b) {
      for (std::uint32_t t = 0; t < n_tiles; ++t) {
        const std::byte* const scales =
            chunk.tiles[t].values + std::size_t{chunk.head_dim} * kKvTile;
        for (std::uint32_t i = 0; i < kKvTile; i += kLanes) {
          const VecF scale = F16Row::load(scales, std::size_t{b} * kKvTile + i);
          const std::uint32_t at = t * kKvTile + i;
#pragma GCC unroll 8
          for (int q = 0; q < Q; ++q)
            hn::StoreU(hn::Mul(hn::LoadU(kFloats, shares[q] + at), scale), kFloats, scaled[q] + at);
        }
      }
      for (std::uint32_t i = 0; i < 32; i += kWide * kLanes)
        columns<Q, kWide>(chunk, n_tiles, length, scaled, ahead, b * 32 + i, out);
    }
  }

 private:
  HWY_INLINE static VecF load(const std::byte* quants) {
    const hn::Rebind<std::int8_t, Floats> bytes;
    const auto narrow = hn::LoadU(bytes, reinterpret_cast<const std::int8_t*>(quants));
    return hn::ConvertTo(kFloats, hn::PromoteTo(hn::Rebind<std::int32_t, Floats>(), narrow));
  }

  template <int Q, std::uint32_t C>
  HWY_INLINE static void columns(const AttendChunk& chunk, std::uint32_t n_tiles,
                                 std::uint32_t length, const Scores* shares, bool ahead,
                                 std::uint32_t first, float* out) {
    VecF acc[Q][C];
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
      for (std::uint32_t c = 0; c < C; ++c) acc[q][c] = hn::Zero(kFloats);
    for (std::uint32_t t = 0; t < n_tiles; ++t) {
      const AttendTile& tile = chunk.tiles[t];
      const std::uint32_t left = length - tile.first;
      const std::uint32_t n = left < tile.n ? left : tile.n;
      const std::byte* const next = ahead ? keys_ahead(chunk, chunk.n_tiles + t) : nullptr;
      for (std::uint32_t p = 0; p < n; ++p) {
        const std::size_t at = std::size_t{p} * chunk.head_dim;
        if (next != nullptr) fetch_share<C * kLanes>(next, first, p);
        VecF value[C];
#pragma GCC unroll 4
        for (std::uint32_t c = 0; c < C; ++c)
          value[c] = load(tile.values + at + first + c * kLanes);
#pragma GCC unroll 8
        for (int q = 0; q < Q; ++q) {
          const VecF share = hn::Set(kFloats, shares[q][t * kKvTile + p]);
#pragma GCC unroll 4
          for (std::uint32_t c = 0; c < C; ++c) acc[q][c] = hn::MulAdd(share, value[c], acc[q][c]);
        }
      }
    }
    for (int q = 0; q < Q; ++q)
      for (std::uint32_t c = 0; c < C; ++c)
        hn::StoreU(acc[q][c], kFloats,
                   out + static_cast<std::size_t>(q) * chunk.head_dim + first + c * kLanes);
  }
};

}  // namespace
}  // namespace synfire::cpu
