// Products of narrow rows that are lanes (backends/cpu/lane_rows.hpp). Included by level-inl.hpp
// only.
//
// A lane's sums go through its columns in rising order, whatever is computed beside it: so a token
// has the same bits alone and among others.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kLaneVectors = kTileRows / kLanes;  // of one element of each row
// Sums of a row that are added up at the end, column i in number i % kLaneChains: as many as it
// takes to have a multiply-add begin in every cycle.
constexpr std::uint32_t kLaneChains = 4 / kLaneVectors;
constexpr std::uint32_t kLaneTokens = kLanes == 16 ? 4 : 2;  // as many as registers allow

// Asks for bytes [first, end) of what will be read next.
HWY_INLINE void fetch_lines(const std::byte* next, std::size_t first, std::size_t end) {
  if (next == nullptr) return;
  for (std::size_t at = (first + 63) / 64 * 64; at < end; at += 64)
    __builtin_prefetch(next + at, 0, 2);
}

// Four quants of a token, in each lane.
HWY_INLINE VecI repeat_four(const std::int8_t* from) {
  std::int32_t word;
  __builtin_memcpy(&word, from, sizeof word);
  return set_lanes(word);
}

// The sums of a tile's lanes for T tokens.
template <std::uint32_t T>
struct LaneSums {
  VecF of[T][kLaneVectors];

  HWY_INLINE LaneSums() {
#pragma GCC unroll 4
    for (std::uint32_t t = 0; t < T; ++t)
#pragma GCC unroll 4
      for (std::uint32_t v = 0; v < kLaneVectors; ++v) of[t][v] = hn::Zero(kFloats);
  }
  HWY_INLINE void store(float* out) const {
#pragma GCC unroll 4
    for (std::uint32_t t = 0; t < T; ++t)
#pragma GCC unroll 4
      for (std::uint32_t v = 0; v < kLaneVectors; ++v)
        hn::StoreU(of[t][v], kFloats, out + t * kTileRows + v * kLanes);
  }
};

template <typename Row>
struct FloatLanes {
  // Column i.
  template <std::uint32_t T>
  HWY_INLINE static void add_column(const std::byte* tile, std::size_t i, const float* const* x,
                                    LaneSums<T>& sums) {
#pragma GCC unroll 4
    for (std::uint32_t v = 0; v < kLaneVectors; ++v) {
      const VecF weights = Row::load(tile, i * kTileRows + v * kLanes);
#pragma GCC unroll 4
      for (std::uint32_t t = 0; t < T; ++t)
        sums.of[t][v] = hn::MulAdd(weights, hn::Set(kFloats, x[t][i]), sums.of[t][v]);
    }
  }

  template <std::uint32_t T>
  HWY_INLINE static void dot(const std::byte* tile, const std::byte* next, std::uint32_t cols,
                             const Activations& x, const std::uint32_t* tokens, float* out) {
    constexpr std::size_t kColumnBytes = kTileRows * Row::kBytes;
    const float* at[T];
    for (std::uint32_t t = 0; t < T; ++t) at[t] = x.values + tokens[t] * x.stride;
    LaneSums<T> chains[kLaneChains];
    std::size_t i = 0;
    for (; i + kLaneChains <= cols; i += kLaneChains) {
      fetch_lines(next, i * kColumnBytes, (i + kLaneChains) * kColumnBytes);
#pragma GCC unroll 4
      for (std::uint32_t c = 0; c < kLaneChains; ++c) add_column<T>(tile, i + c, at, chains[c]);
    }
#pragma GCC unroll 4
    for (std::uint32_t c = 0; c < kLaneChains - 1; ++c)
      if (i + c < cols) add_column<T>(tile, i + c, at, chains[c]);
#pragma GCC unroll 4
    for (std::uint32_t c = kLaneChains / 2; c > 0; c /= 2)
#pragma GCC unroll 4
      for (std::uint32_t low = 0; low < c; ++low) add(chains[low], chains[low + c]);
    chains[0].store(out);
  }

 private:
  template <std::uint32_t T>
  HWY_INLINE static void add(LaneSums<T>& to, const LaneSums<T>& more) {
#pragma GCC unroll 4
    for (std::uint32_t t = 0; t < T; ++t)
#pragma GCC unroll 4
      for (std::uint32_t v = 0; v < kLaneVectors; ++v)
        to.of[t][v] = hn::Add(to.of[t][v], more.of[t][v]);
  }
};

// Exact integer dots by block, then one fused multiply-add.
struct Q8Lanes {
  template <std::uint32_t T>
  HWY_INLINE static void dot(const std::byte* tile, const std::byte* next, std::uint32_t cols,
                             const Activations& x, const std::uint32_t* tokens, float* out) {
    constexpr std::size_t kBlockBytes = kTileRows * (2 + 32);
    LaneSums<T> sums;
    for (std::uint32_t b = 0; b < cols / 32; ++b) {
      fetch_lines(next, b * kBlockBytes, (b + 1) * kBlockBytes);
      add_block<T>(tile + b * kBlockBytes, b, cols, x, tokens, sums);
    }
    sums.store(out);
  }

 private:
  template <std::uint32_t T>
  HWY_INLINE static void add_block(const std::byte* block, std::uint32_t b, std::uint32_t cols,
                                   const Activations& x, const std::uint32_t* tokens,
                                   LaneSums<T>& sums) {
    const RowUnits units(cols);
    const std::uint32_t four_bytes = 4 * (b / 8 + 1 == units.n ? units.last_blocks : 8);
    const std::byte* const quants = block + kTileRows * 2;
    VecI dots[T][kLaneVectors];
    const std::int8_t* at[T];
    std::size_t unit[T];
#pragma GCC unroll 4
    for (std::uint32_t t = 0; t < T; ++t) {
      unit[t] = std::size_t{tokens[t]} * units.n + b / 8;
      at[t] = x.quants + unit[t] * kUnit + b % 8 * 4;
      std::int32_t sum = 0;
      for (std::uint32_t i = b % 8; i < 16; i += four_bytes / 4) sum += x.sums[unit[t] * 16 + i];
      const VecI start = set_lanes(-kQ8Zero * sum);
      for (std::uint32_t v = 0; v < kLaneVectors; ++v) dots[t][v] = start;
    }
#pragma GCC unroll 8
    for (std::uint32_t four = 0; four < 8; ++four) {
#pragma GCC unroll 4
      for (std::uint32_t v = 0; v < kLaneVectors; ++v) {
        const VecI weights = load_q8(quants + four * kTileRows * 4 + v * kIntBytes);
#pragma GCC unroll 4
        for (std::uint32_t t = 0; t < T; ++t)
          dots[t][v] = dot_add_q8(dots[t][v], weights, repeat_four(at[t] + four * four_bytes));
      }
    }
#pragma GCC unroll 4
    for (std::uint32_t v = 0; v < kLaneVectors; ++v) {
      const VecF scales = F16Row::load(block, v * kLanes);
#pragma GCC unroll 4
      for (std::uint32_t t = 0; t < T; ++t) {
        const VecF scale = hn::Mul(scales, hn::Set(kFloats, x.scales[unit[t] * 8 + b % 8]));
        sums.of[t][v] = hn::MulAdd(to_floats(dots[t][v]), scale, sums.of[t][v]);
      }
    }
  }
};

template <typename Lanes>
void dot_lanes(const std::byte* tile, const std::byte* next, std::uint32_t cols,
               const Activations& x, const std::uint32_t* tokens, std::uint32_t n_tokens,
               float* out) {
  std::uint32_t t = 0;
  for (; t + kLaneTokens <= n_tokens; t += kLaneTokens)
    Lanes::template dot<kLaneTokens>(tile, t == 0 ? next : nullptr, cols, x, tokens + t,
                                     out + std::size_t{t} * kTileRows);
  for (; t < n_tokens; ++t)
    Lanes::template dot<1>(tile, t == 0 ? next : nullptr, cols, x, tokens + t,
                           out + std::size_t{t} * kTileRows);
}

}  // namespace
}  // namespace synfire::cpu
