// Dot products of quantized rows with 8-bit activations. Included by level-inl.hpp only.
//
// For every block of 32: an exact integer dot, then one fused multiply-add into the row's float
// accumulator, blocks in rising order. So the value of a row and a token is the same for one token
// (rows streamed) and for many (rows rearranged once into a panel), and on every SIMD level.
#pragma once

namespace synfire::cpu {
namespace {

// One block's integer dots of kRowLanes rows, the two halves of 16 elements apart.
struct BlockDots {
  VecI first, second;
};

// From 8 vectors of 8 partial sums (4 per half) each: their sums, lane = row.
HWY_INLINE BlockDots sum_lanes(const VecI (&v)[8]) {
  VecI pairs[4], quads[2];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    pairs[i] =
        add_ints(unpack_low32(v[2 * i], v[2 * i + 1]), unpack_high32(v[2 * i], v[2 * i + 1]));
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i)
    quads[i] = add_ints(unpack_low64(pairs[2 * i], pairs[2 * i + 1]),
                        unpack_high64(pairs[2 * i], pairs[2 * i + 1]));
  return {rows_of_first(quads[0], quads[1]), rows_of_second(quads[0], quads[1])};
}

// Integer total of a block, zero point and part scales applied.
template <typename Format>
HWY_INLINE VecI block_total(BlockDots dots, const std::int32_t* sums, VecI part0, VecI part1) {
  if constexpr (Format::kHasParts) {
    dots.first = subtract_ints(dots.first, ints(Format::kZero * sums[0]));
    dots.second = subtract_ints(dots.second, ints(Format::kZero * sums[1]));
    return add_ints(multiply_ints(dots.first, part0), multiply_ints(dots.second, part1));
  } else {
    const VecI total = add_ints(dots.first, dots.second);
    if constexpr (Format::kZero == 0) return total;
    return subtract_ints(total, ints(Format::kZero * (sums[0] + sums[1])));
  }
}

HWY_INLINE VecF add_block(VecF acc, VecI total, VecF scales, float x_scale) {
  return hn::MulAdd(to_floats(total), hn::Mul(scales, hn::Set(kFloats, x_scale)), acc);
}
HWY_INLINE VecF add_minimum(VecF acc, VecF minimums, const std::int32_t* sums, float x_scale) {
  const float x_sum = x_scale * static_cast<float>(sums[0] + sums[1]);
  return hn::MulAdd(minimums, hn::Set(kFloats, x_sum), acc);
}

// Asks for the bytes of the rows about once per cache line, some rows at each block: so that the
// requests come evenly.
template <typename Format>
HWY_INLINE void fetch_ahead(const std::byte* const* rows, std::uint32_t b) {
  constexpr std::uint32_t kEvery = Format::kStride >= 64 ? 1 : 64 / Format::kStride;
  for (std::uint32_t r = b % kEvery; r < kRowLanes; r += kEvery)
    __builtin_prefetch(rows[r] + std::size_t{b} * Format::kStride, 0, 2);
}

// One token: rows are streamed once.
template <typename Format>
HWY_INLINE void stream_rows(const std::byte* const* rows, const std::byte* const* next_rows,
                            std::uint32_t n_blocks, const std::int8_t* quants,
                            const float* x_scales, const std::int32_t* sums, float* out) {
  VecF acc = hn::Zero(kFloats);
  for (std::uint32_t b = 0; b < n_blocks; ++b) {
    if (next_rows != nullptr) fetch_ahead<Format>(next_rows, b);
    const VecI x = broadcast_block(quants + std::size_t{b} * 32);
    VecI dots[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) dots[r] = Format::dot(ints(0), Format::weights(rows, b, r), x);
    VecI part0 = ints(1), part1 = part0;
    if constexpr (Format::kHasParts) {
      part0 = Format::part_scales(rows, b, 0);
      part1 = Format::part_scales(rows, b, 1);
    }
    const VecI total = block_total<Format>(sum_lanes(dots), sums + 2 * b, part0, part1);
    acc = add_block(acc, total, Format::scales(rows, b), x_scales[b]);
    if constexpr (Format::kHasMinimum)
      acc = add_minimum(acc, Format::minimums(rows, b), sums + 2 * b, x_scales[b]);
  }
  hn::StoreU(acc, kFloats, out);
}

// One block of a panel: kRowLanes rows, rearranged so that lane = row everywhere.
struct PanelBlock {
  VecI weights[8];  // 4 elements of each row each
  VecF scales;
  union {
    VecF minimums;
    VecI parts[2];
  };
};

// 8 vectors of rows to 8 vectors of columns of 4 bytes.
HWY_INLINE void transpose(const VecI (&v)[8], VecI* columns) {
  VecI low[4], high[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    low[i] = unpack_low32(v[2 * i], v[2 * i + 1]);
    high[i] = unpack_high32(v[2 * i], v[2 * i + 1]);
  }
  const VecI quads[8] = {unpack_low64(low[0], low[1]),   unpack_high64(low[0], low[1]),
                         unpack_low64(high[0], high[1]), unpack_high64(high[0], high[1]),
                         unpack_low64(low[2], low[3]),   unpack_high64(low[2], low[3]),
                         unpack_low64(high[2], high[3]), unpack_high64(high[2], high[3])};
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    columns[i] = rows_of_first(quads[i], quads[i + 4]);
    columns[i + 4] = rows_of_second(quads[i], quads[i + 4]);
  }
}

template <typename Format>
HWY_INLINE void fill_panel(const std::byte* const* rows, std::uint32_t n_blocks,
                           PanelBlock* panel) {
  for (std::uint32_t b = 0; b < n_blocks; ++b) {
    VecI weights[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) weights[r] = Format::weights(rows, b, r);
    transpose(weights, panel[b].weights);
    panel[b].scales = Format::scales(rows, b);
    if constexpr (Format::kHasMinimum) panel[b].minimums = Format::minimums(rows, b);
    if constexpr (Format::kHasParts) {
      panel[b].parts[0] = Format::part_scales(rows, b, 0);
      panel[b].parts[1] = Format::part_scales(rows, b, 1);
    }
  }
}

template <typename Format, std::uint32_t T>
HWY_INLINE void multiply_panel(const PanelBlock* panel, std::uint32_t n_blocks,
                               const Activations& x, const std::uint32_t* tokens, float* out) {
  const std::int8_t* quants[T];
  const float* x_scales[T];
  const std::int32_t* sums[T];
  VecF acc[T];
#pragma GCC unroll 8
  for (std::uint32_t t = 0; t < T; ++t) {
    quants[t] = x.quants + std::size_t{tokens[t]} * n_blocks * 32;
    x_scales[t] = x.scales + std::size_t{tokens[t]} * n_blocks;
    sums[t] = x.sums + std::size_t{tokens[t]} * n_blocks * 2;
    acc[t] = hn::Zero(kFloats);
  }
  for (std::uint32_t b = 0; b < n_blocks; ++b) {
    const PanelBlock& block = panel[b];
    VecI first[T], second[T];
#pragma GCC unroll 8
    for (std::uint32_t t = 0; t < T; ++t) first[t] = second[t] = ints(0);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
#pragma GCC unroll 8
      for (std::uint32_t t = 0; t < T; ++t) {
        const std::int8_t* const x_block = quants[t] + std::size_t{b} * 32 + 4 * i;
        first[t] = Format::dot(first[t], block.weights[i], broadcast_four(x_block));
        second[t] = Format::dot(second[t], block.weights[i + 4], broadcast_four(x_block + 16));
      }
#pragma GCC unroll 8
    for (std::uint32_t t = 0; t < T; ++t) {
      const VecI total = block_total<Format>({first[t], second[t]}, sums[t] + 2 * b,
                                             Format::kHasParts ? block.parts[0] : ints(1),
                                             Format::kHasParts ? block.parts[1] : ints(1));
      acc[t] = add_block(acc[t], total, block.scales, x_scales[t][b]);
      if constexpr (Format::kHasMinimum)
        acc[t] = add_minimum(acc[t], block.minimums, sums[t] + 2 * b, x_scales[t][b]);
    }
  }
#pragma GCC unroll 8
  for (std::uint32_t t = 0; t < T; ++t)
    hn::StoreU(acc[t], kFloats, out + std::size_t{t} * kTileRows);
}

// A number of tokens that the compiler knows.
template <std::uint32_t N>
struct Count {
  constexpr std::uint32_t operator()() const { return N; }
};

template <typename Format>
void dot_quant(const std::byte* const* rows, const std::byte* const* next_rows, std::uint32_t cols,
               const Activations& x, const std::uint32_t* tokens, std::uint32_t n_tokens,
               float* out, std::byte* scratch) {
  constexpr std::uint32_t kTokens = kRowLanes == 16 ? 8 : 4;  // what the registers hold
  const std::uint32_t n_blocks = cols / 32;
  auto* const panel = reinterpret_cast<PanelBlock*>(scratch);
  for (std::uint32_t r = 0; r < kTileRows; r += kRowLanes) {
    if (n_tokens == 1) {
      const std::size_t block = std::size_t{tokens[0]} * n_blocks;
      stream_rows<Format>(rows + r, next_rows == nullptr ? nullptr : next_rows + r, n_blocks,
                          x.quants + block * 32, x.scales + block, x.sums + block * 2, out + r);
      continue;
    }
    fill_panel<Format>(rows + r, n_blocks, panel);
    std::uint32_t t = 0;
    const auto take = [&](auto count) {
      for (; t + count() <= n_tokens; t += count())
        multiply_panel<Format, count()>(panel, n_blocks, x, tokens + t, out + t * kTileRows + r);
    };
    take(Count<kTokens>());
    take(Count<kTokens / 2>());
    take(Count<kTokens / 4>());
    take(Count<1>());
  }
}

// Rows of x to blocks of 32 quants: scale = largest magnitude / 127, quants rounded to nearest
// even.
void quantize_floats(const float* x, std::uint32_t n, std::int8_t* quants, float* scales,
                     std::int32_t* sums) {
  const hn::Rebind<std::int32_t, Floats> wide;
  const hn::Rebind<std::int8_t, Floats> narrow;
  for (std::uint32_t b = 0; b < n / 32; ++b, x += 32, quants += 32) {
    VecF largest = hn::Zero(kFloats);
    for (std::uint32_t i = 0; i < 32; i += kLanes)
      largest = hn::Max(largest, hn::Abs(hn::LoadU(kFloats, x + i)));
    const float magnitude = hn::GetLane(hn::MaxOfLanes(kFloats, largest));
    const VecF inverse = hn::Set(kFloats, magnitude > 0 ? 127.0f / magnitude : 0.0f);
    for (std::uint32_t i = 0; i < 32; i += kLanes) {
      const auto rounded = hn::NearestInt(hn::Mul(hn::LoadU(kFloats, x + i), inverse));
      hn::StoreU(hn::DemoteTo(narrow, rounded), narrow, quants + i);
    }
    scales[b] = magnitude / 127.0f;
    for (std::uint32_t part = 0; part < 2; ++part) {
      auto sum = hn::Zero(wide);
      for (std::uint32_t i = part * 16; i < part * 16 + 16; i += kLanes)
        sum = hn::Add(sum, hn::PromoteTo(wide, hn::LoadU(narrow, quants + i)));
      sums[2 * b + part] = hn::GetLane(hn::SumOfLanes(wide, sum));
    }
  }
}

}  // namespace
}  // namespace synfire::cpu
