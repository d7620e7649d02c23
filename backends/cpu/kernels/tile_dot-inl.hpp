// Products of packed rows with many tokens in tiles of bytes. Included by the avx512 level only.
//
// A block's 32 elements have one scale, so a tile product is 32 deep (16 where a format's parts
// have scales of their own), and its exact integers are scaled and added as in packed_dot-inl.hpp,
// in the same order: the bits are those of the other levels and of single tokens.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kBlocksOfUnit = 8;
constexpr std::uint32_t kBlockBytes = 32;
constexpr std::size_t kBlockTile = kTileRows * kBlockBytes;  // of rows or of tokens
constexpr int kSumTile[] = {0, 3}, kRowsTile[] = {1, 4}, kTokensTile[] = {2, 5};

// For products of `depth` elements; two of each tile, so that one waits for nobody.
constexpr TileConfig bytes_config(std::uint32_t depth) {
  TileConfig config;
  for (int i = 0; i < 2; ++i) {
    config.rows[kSumTile[i]] = config.rows[kRowsTile[i]] = kTileRows;
    config.rows[kTokensTile[i]] = static_cast<std::uint8_t>(depth / 4);
    config.row_bytes[kSumTile[i]] = config.row_bytes[kTokensTile[i]] = kTileRowBytes;
    config.row_bytes[kRowsTile[i]] = static_cast<std::uint16_t>(depth);
  }
  return config;
}
template <typename Format>
constexpr TileConfig kBytesConfig = bytes_config(kBlockBytes / Format::kParts);

// kTileRows rows as the left factors; rows that are none are zeros.
template <typename Format>
struct TilePanel {
  // [8 blocks, units, kTileRows, 32]
  alignas(64) std::int8_t codes[kPanelUnits * kBlocksOfUnit * kBlockTile];
  // [units, parts, kTileRows, 8 blocks]; [units, kTileRows, 8 blocks]
  alignas(64) float scales[kPanelUnits * Format::kParts * kTileRows * kBlocksOfUnit];
  alignas(64) float minimums[Format::kHasMinimum ? kPanelUnits * kTileRows * kBlocksOfUnit : 1];
};

// Which lanes of two vectors make one, the second vector's from 16 on.
struct LaneOrders {
  // Four fours of each of the first 4 blocks of a unit, of the last 4.
  alignas(64) std::int32_t half[2][16] = {};
  // From the first four fours of 4 blocks and the last: 2 blocks whole, the other 2.
  alignas(64) std::int32_t pair[2][16] = {};
};
constexpr LaneOrders lane_orders() {
  LaneOrders orders;
  for (std::int32_t which = 0; which < 2; ++which)
    for (std::int32_t i = 0; i < 16; ++i) {
      orders.half[which][i] = i % 4 * 8 + which * 4 + i / 4;
      orders.pair[which][i] = i % 8 / 4 * 16 + (which * 2 + i / 8) * 4 + i % 4;
    }
  return orders;
}
constexpr LaneOrders kLaneOrders = lane_orders();

HWY_INLINE VecI pick_lanes(VecI first, VecI second, const std::int32_t* order) {
  return _mm512_permutex2var_epi32(first, _mm512_load_si512(order), second);
}

// A row's unit from packed order, where blocks take turns, to one block after the other at a
// stride.
HWY_INLINE void put_blocks(const VecI (&codes)[kVectors], std::int8_t* to, std::size_t stride) {
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const VecI first = pick_lanes(codes[0], codes[1], kLaneOrders.half[half]);
    const VecI last = pick_lanes(codes[2], codes[3], kLaneOrders.half[half]);
#pragma GCC unroll 2
    for (int pair = 0; pair < 2; ++pair) {
      const VecI blocks = pick_lanes(first, last, kLaneOrders.pair[pair]);
      std::int8_t* const at = to + (4 * half + 2 * pair) * stride;
      _mm256_store_si256(reinterpret_cast<__m256i*>(at), _mm512_castsi512_si256(blocks));
      _mm256_store_si256(reinterpret_cast<__m256i*>(at + stride),
                         _mm512_extracti64x4_epi64(blocks, 1));
    }
  }
}

template <typename Format>
HWY_INLINE void fill_tile_panel(const std::byte* const* rows, const std::byte* const* next_rows,
                                std::uint32_t n_rows, const RowUnits& units,
                                TilePanel<Format>& panel) {
  const VecI zero = _mm512_set1_epi8(static_cast<char>(Format::kZero));
  const std::size_t stride = units.n * kBlockTile;  // from block to block
  for (std::uint32_t r = 0; r < kTileRows; ++r)
    for_units<Format>(
        units, [&](auto blocks, std::uint32_t unit) __attribute__((always_inline)) {
          constexpr std::uint32_t kBlocks = blocks.value;
          VecI codes[kVectors] = {no_ints(), no_ints(), no_ints(), no_ints()};
          __m256 scales[Format::kParts] = {};
          __m256 minimum = _mm256_setzero_ps();
          if (r < n_rows) {
            const std::byte* const side = rows[r] + std::size_t{unit} * kUnitBytes<Format>;
            unpack_unit<Format, kBlocks>(side, codes, scales, minimum);
            for_indices<kVectorsOf<kBlocks>>(
                [&](auto v) { codes[v.value] = _mm512_sub_epi8(codes[v.value], zero); });
            if (next_rows != nullptr) fetch_unit<Format, kBlocks>(next_rows[r], unit);
          }
          put_blocks(codes, panel.codes + unit * kBlockTile + r * kBlockBytes, stride);
          for_indices<Format::kParts>([&](auto part) {
            const std::size_t at = (unit * Format::kParts + part.value) * kTileRows + r;
            _mm256_store_ps(panel.scales + at * kBlocksOfUnit, scales[part.value]);
          });
          if constexpr (Format::kHasMinimum)
            _mm256_store_ps(panel.minimums + (unit * kTileRows + r) * kBlocksOfUnit, minimum);
        });
}

// A block of tokens as the right factor: in turn for each of the 8 blocks of a unit, its units.
struct TokensOfBlock {
  HWY_INLINE TokensOfBlock(const Activations& x, std::uint32_t n_units,
                           std::uint32_t block_of_tokens, std::uint32_t block) {
    const std::size_t first = (std::size_t{block_of_tokens} * kBlocksOfUnit + block) * n_units;
    quants = x.tile_quants + first * kBlockTile;
    scales = x.tile_scales + first * kTileTokens;
    sums = x.tile_sums + first * kTileTokens;
  }

  const std::int8_t* quants;  // [units, 8 fours of elements, kTileTokens, 4]
  const float* scales;        // [units, kTileTokens]
  const float* sums;          // [units, kTileTokens]: of the values
};

// dots [kTileRows, kTileTokens]: of a part of a block of a unit.
template <typename Tiles, int Pair>
HWY_INLINE void multiply_tile(const std::int8_t* rows, const std::int8_t* tokens,
                              std::int32_t* dots) {
  Tiles::template load<kRowsTile[Pair]>(rows, kBlockBytes);
  Tiles::template load<kTokensTile[Pair]>(tokens, kTileRowBytes);
  Tiles::template zero<kSumTile[Pair]>();
  Tiles::template multiply_ss<kSumTile[Pair], kRowsTile[Pair], kTokensTile[Pair]>();
  Tiles::template store<kSumTile[Pair]>(dots, kTileRowBytes);
}

// Sums of a tile in registers: a vector of tokens for each row.
struct TileSum {
  HWY_INLINE TileSum() {
#pragma GCC unroll 16
    for (std::uint32_t r = 0; r < kTileRows; ++r) rows[r] = _mm512_setzero_ps();
  }
  // += dots [kTileRows, kTileTokens] * a scale of each row, at a stride, * a scale of each token.
  HWY_INLINE void add(const std::int32_t* dots, const float* row_scales, __m512 scale) {
#pragma GCC unroll 16
    for (std::uint32_t r = 0; r < kTileRows; ++r) {
      const __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(row_scales[r * kBlocksOfUnit]));
      const __m512 dot = _mm512_cvtepi32_ps(_mm512_load_si512(dots + r * kTileTokens));
      rows[r] = _mm512_fmadd_ps(dot, both, rows[r]);
    }
  }
  // += a factor of each row, at a stride, * a value of each token.
  HWY_INLINE void add(const float* row_factors, __m512 value) {
#pragma GCC unroll 16
    for (std::uint32_t r = 0; r < kTileRows; ++r)
      rows[r] = _mm512_fmadd_ps(_mm512_set1_ps(row_factors[r * kBlocksOfUnit]), value, rows[r]);
  }

  __m512 rows[kTileRows];
};

// sums [kTileRows, kTileTokens]: of the values of one block of all units. So many products go by
// without leaving their registers.
template <typename Tiles, typename Format>
HWY_INLINE void sum_of_block(const TilePanel<Format>& panel, std::uint32_t n_units,
                             std::uint32_t block, const TokensOfBlock& x, float* sums) {
  constexpr std::uint32_t kParts = Format::kParts, kDepth = kBlockBytes / kParts;
  alignas(64) std::int32_t dots[2][kTileSums];
  const std::int8_t* const rows = panel.codes + std::size_t{block} * n_units * kBlockTile;
  // i: of the parts of all units.
  const auto multiply = [&](auto pair, std::uint32_t i) {
    const std::size_t at = i / kParts * kBlockTile;
    multiply_tile<Tiles, pair.value>(rows + at + i % kParts * kDepth,
                                     x.quants + at + i % kParts * kDepth * kTileTokens,
                                     dots[pair.value]);
  };
  const float* const row_scales = panel.scales + block;
  const std::uint32_t n_parts = n_units * kParts;
  TileSum products;
  std::uint32_t i = 0;
  for (; i + 2 <= n_parts; i += 2) {
    multiply(Index<0>(), i);
    multiply(Index<1>(), i + 1);
    for (std::uint32_t pair = 0; pair < 2; ++pair)
      products.add(dots[pair], row_scales + (i + pair) * kTileRows * kBlocksOfUnit,
                   _mm512_load_ps(x.scales + (i + pair) / kParts * kTileTokens));
  }
  if (i < n_parts) {
    multiply(Index<0>(), i);
    products.add(dots[0], row_scales + i * kTileRows * kBlocksOfUnit,
                 _mm512_load_ps(x.scales + i / kParts * kTileTokens));
  }
#pragma GCC unroll 16
  for (std::uint32_t r = 0; r < kTileRows; ++r)
    _mm512_store_ps(sums + r * kTileTokens, products.rows[r]);
}

// sums += those of the minimums of one block of all units.
template <typename Format>
HWY_INLINE void add_minimums(const TilePanel<Format>& panel, std::uint32_t n_units,
                             std::uint32_t block, const TokensOfBlock& x, float* sums) {
  TileSum minimums;
  for (std::uint32_t unit = 0; unit < n_units; ++unit)
    minimums.add(panel.minimums + unit * kTileRows * kBlocksOfUnit + block,
                 _mm512_load_ps(x.sums + unit * kTileTokens));
#pragma GCC unroll 16
  for (std::uint32_t r = 0; r < kTileRows; ++r) {
    float* const sum = sums + r * kTileTokens;
    _mm512_store_ps(sum, _mm512_add_ps(_mm512_load_ps(sum), minimums.rows[r]));
  }
}

// Rows times some tokens of one block of tokens; out [n_tokens, kTileRows].
template <typename Tiles, typename Format>
HWY_INLINE void dot_block_of_tokens(const TilePanel<Format>& panel, std::uint32_t n_rows,
                                    std::uint32_t n_units, const Activations& x,
                                    const std::uint32_t* tokens, std::uint32_t n_tokens,
                                    float* out) {
  alignas(64) float sums[kBlocksOfUnit][kTileSums];
  for (std::uint32_t block = 0; block < kBlocksOfUnit; ++block) {
    const TokensOfBlock of_block(x, n_units, tokens[0] / kTileTokens, block);
    sum_of_block<Tiles>(panel, n_units, block, of_block, sums[block]);
    if constexpr (Format::kHasMinimum) add_minimums(panel, n_units, block, of_block, sums[block]);
  }
  __m512 totals[kTileRows];
#pragma GCC unroll 16
  for (std::uint32_t r = 0; r < kTileRows; ++r) {
    const auto four = [&](std::uint32_t block) {  // as RowSum::total
      return _mm512_add_ps(_mm512_load_ps(sums[block] + r * kTileTokens),
                           _mm512_load_ps(sums[block + 4] + r * kTileTokens));
    };
    totals[r] = _mm512_add_ps(_mm512_add_ps(four(0), four(2)), _mm512_add_ps(four(1), four(3)));
  }
  put_tokens(totals, n_rows, tokens, n_tokens, out);
}

// As DotRows. Not inlined, so that only many tokens pay for the stack.
template <typename Tiles, typename Format>
[[gnu::noinline]] void dot_in_tiles(const std::byte* const* rows, const std::byte* const* next_rows,
                                    std::uint32_t n_rows, const RowUnits& units,
                                    const Activations& x, const std::uint32_t* tokens,
                                    std::uint32_t n_tokens, float* out) {
  TilePanel<Format> panel;
  fill_tile_panel(rows, next_rows, n_rows, units, panel);
  const TileSession<Tiles> session(kBytesConfig<Format>);
  for (std::uint32_t t = 0; t < n_tokens;) {
    const std::uint32_t n = count_in_block(tokens + t, n_tokens - t);
    dot_block_of_tokens<Tiles>(panel, n_rows, units.n, x, tokens + t, n,
                               out + std::size_t{t} * kTileRows);
    t += n;
  }
}

template <typename Tiles, typename Format>
void dot_tiles(const std::byte* const* rows, const std::byte* const* next_rows,
               std::uint32_t n_rows, std::uint32_t cols, const Activations& x,
               const std::uint32_t* tokens, std::uint32_t n_tokens, float* out) {
  const RowUnits units(cols);
  if (x.tile_quants == nullptr || units.n > kPanelUnits || !fills_tiles(n_rows, tokens, n_tokens))
    return dot_packed<Format>(rows, next_rows, n_rows, cols, x, tokens, n_tokens, out);
  dot_in_tiles<Tiles, Format>(rows, next_rows, n_rows, units, x, tokens, n_tokens, out);
}

// A block of at most kTileTokens tokens, whose quants there are, as the right factor; see
// Activations.
void arrange_tokens(const Activations& x, std::uint32_t first, std::uint32_t n_tokens,
                    std::uint32_t n_units, std::int8_t* quants, float* scales, float* sums) {
  for (std::uint32_t unit = 0; unit < n_units; ++unit)
    for (std::uint32_t block = 0; block < kBlocksOfUnit; ++block) {
      const std::size_t to = std::size_t{block} * n_units + unit;
      for (std::uint32_t t = 0; t < kTileTokens; ++t) {
        const bool here = t < n_tokens;
        const std::size_t at = (first + (here ? t : 0)) * std::size_t{n_units} + unit;
        std::int8_t* const fours = quants + to * kBlockTile + t * 4;
        for (std::uint32_t four = 0; four < kBlocksOfUnit; ++four) {
          std::int32_t four_quants = 0;
          if (here)
            __builtin_memcpy(&four_quants, x.quants + at * kUnit + four * 32 + block * 4, 4);
          __builtin_memcpy(fours + four * kTileRowBytes, &four_quants, 4);
        }
        const float scale = here ? x.scales[at * 8 + block] : 0.0f;
        const std::int32_t* const of_parts = x.sums + at * 16 + block;
        scales[to * kTileTokens + t] = scale;
        sums[to * kTileTokens + t] =
            here ? static_cast<float>(of_parts[0] + of_parts[8]) * scale : 0.0f;
      }
    }
}

}  // namespace
}  // namespace synfire::cpu
