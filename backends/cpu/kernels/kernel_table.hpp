#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/kernels/activations.hpp"
#include "backends/cpu/kernels/attend.hpp"

// Everything that a SIMD level computes, as functions over plain memory. One table per level; the
// code of a level lives in one translation unit, compiled for it, and includes no header whose
// inline functions another unit could share.
namespace synfire::cpu {

// Rows of weights that one call of a row kernel takes at most.
inline constexpr std::uint32_t kTileRows = 16;

// Rows are packed (backends/cpu/packed_rows.hpp). `next_rows`: n_rows rows that will be read next,
// fetched ahead while these are computed; may be null.

// out[i * kTileRows + r] = dot(rows[r], token tokens[i] of x) for n_rows rows and n_tokens tokens.
// The value for one row and one token does not depend on the other rows and tokens of the call, but
// for rows of half floats on whether x has 16-bit quants or halves, which are taken then: a token's
// last bits differ between a batch of many and one of few. For the other dtypes they do not, and
// nor do the levels' values of quantized rows.
using DotRows = void (*)(const std::byte* const* rows, const std::byte* const* next_rows,
                         std::uint32_t n_rows, std::uint32_t cols, const Activations& x,
                         const std::uint32_t* tokens, std::uint32_t n_tokens, float* out);

// acc += sum over r of factors[r] * rows[r]. acc has accumulator_floats(cols) elements, in an order
// of the kernel's own; RowKernels::settle brings them into columns' order. Blocked formats may
// round the factors to 8 bits of the largest of the call's in each block of columns.
using AddRows = void (*)(const std::byte* const* rows, const std::byte* const* next_rows,
                         std::uint32_t n_rows, std::uint32_t cols, const float* factors,
                         float* acc);

// out[i * kTileRows + r] = dot(row r of a tile of lanes (backends/cpu/lane_rows.hpp), token
// tokens[i] of x) for all rows of the tile. `next`: a tile's bytes that will be read next; may be
// null. Values depend on the row and the token alone, but of long rows of half floats on whether x
// has 16-bit quants, as with DotRows, whose values those are; of long quantized
// rows all are.
using DotLanes = void (*)(const std::byte* tile, const std::byte* next, std::uint32_t cols,
                          const Activations& x, const std::uint32_t* tokens, std::uint32_t n_tokens,
                          float* out);

constexpr std::uint32_t accumulator_floats(std::uint32_t cols) { return units_of(cols) * kUnit; }

// values[i] = element `first + i` of a row of `cols`. `first` is a multiple of kUnit, and so is n
// but at the row's end.
using DecodeRow = void (*)(const std::byte* row, std::uint32_t cols, std::uint32_t first,
                           std::uint32_t n, float* values);

// What a level does with rows of one dtype.
struct RowKernels {
  DotRows dot;
  AddRows add;
  // One unit of an accumulator to its columns, of a row's `cols` those from the unit on; `columns`
  // has room for kUnit.
  void (*settle)(const float* acc, std::uint32_t cols, float* columns);
  DecodeRow decode;
  // How far ahead of a single token's dots long rows that follow each other are best fetched. In
  // bytes.
  std::uint32_t ahead;
  // Null where no rows of the dtype are lanes at this level (keeps_lanes).
  DotLanes dot_lanes;
  // Whether rows of more than a unit are, too.
  bool long_lanes = false;
};

struct KernelTable {
  const char* name;

  RowKernels f32, f16, bf16, q8_0, q4_0, q4_1, q4_k, q5_k, q6_k;

  // out[r] = sum over i of x_i, minus x_i twice where the bit of i in row r is set, for n_rows
  // packed rows of n_units units at a stride. x is a token of Activations. A row's value does not
  // depend on the other rows of the call.
  void (*sign_dot)(const std::byte* rows, std::size_t stride, std::uint32_t n_rows,
                   std::uint32_t n_units, const std::int8_t* quants, const float* scales,
                   float* out);

  // One row of x to 8-bit blocks of 32; see Activations for the results.
  void (*quantize)(const float* x, std::uint32_t n, std::int8_t* quants, float* scales,
                   std::int32_t* sums);

  // n_units whole units of at most kEight tokens of x at a stride, to blocks: block b of a unit is
  // at blocks[b * stride_units + unit]. Values are those of `quantize`. Null where the level has no
  // Q4_0 rows that are lanes.
  void (*quantize_eight)(const float* x, std::size_t stride, std::uint32_t n_tokens,
                         std::uint32_t n_units, std::size_t stride_units, EightTokens* blocks);

  // At most kWideTokens tokens of x at a stride to a block of 16-bit quants; see Activations. Null
  // where the level multiplies floats as fast.
  void (*quantize_wide)(const float* x, std::size_t stride, std::uint32_t n_tokens,
                        std::uint32_t cols, std::int16_t* quants, float* scales);

  // Tiles (null where the level has none). At most kWideTokens tokens of x, whose 8-bit quants
  // there are, from token `first` on, to a block of tile quants; see Activations.
  void (*arrange_tokens)(const Activations& x, std::uint32_t first, std::uint32_t n_tokens,
                         std::uint32_t n_units, std::int8_t* quants, float* scales, float* sums);
  // At most kWideTokens tokens of x at a stride to a block of halves.
  void (*split_tokens)(const float* x, std::size_t stride, std::uint32_t n_tokens,
                       std::uint32_t cols, std::uint16_t* halves);

  void (*add)(const float* a, const float* b, std::uint32_t n, float* y);
  void (*scale)(float factor, std::uint32_t n, float* y);
  // out [n_rows, n]: out[r] += sum over j in order of h[r * h_stride + j] * x[j], x [n_x, n].
  void (*combine)(const float* x, std::uint32_t n_x, std::uint32_t n, const float* h,
                  std::size_t h_stride, std::uint32_t n_rows, float* out);
  void (*rms_norm)(const float* x, const float* weight, std::uint32_t n, float eps, float* y);
  // Without a bias.
  void (*layer_norm)(const float* x, const float* weight, std::uint32_t n, float eps, float* y);
  // y = act(gate) * up, or act(gate) where up is null. `activation` is one of SF_ACTIVATION_*.
  void (*activate)(std::uint32_t activation, const float* gate, const float* up, std::uint32_t n,
                   float* y);
  // Rotates pairs (x[2i], x[2i+1]) or (x[i], x[i + n_pairs]) by (cosines[i], sines[i]) into y.
  void (*rotate_adjacent)(const float* x, const float* cosines, const float* sines,
                          std::uint32_t n_pairs, float* y);
  void (*rotate_halves)(const float* x, const float* cosines, const float* sines,
                        std::uint32_t n_pairs, float* y);
  void (*to_f16)(const float* x, std::uint32_t n, std::uint16_t* y);
  // A head's query, key or value to a wide row (kv_tile.hpp). Null where the level multiplies
  // floats as fast, and attend_wide too.
  void (*to_wide)(const float* x, std::uint32_t n, std::byte* row);
  // ids of scores[i] > threshold, as first + i, rising; returns how many. ids has room for n.
  std::uint32_t (*above)(const float* scores, std::uint32_t n, float threshold, std::uint32_t first,
                         std::uint32_t* ids);
  // masks[i * words]: bit t where scores[t * stride + i] > threshold, for n scores of at most 64
  // tokens.
  void (*above_by_token)(const float* scores, std::size_t stride, std::uint32_t n_tokens,
                         std::uint32_t n, float threshold, std::uint64_t* masks, std::size_t words);

  // Query heads for attend_q8_0: see AttendRow. n is a multiple of 32.
  void (*quantize_queries)(const float* x, std::uint32_t n, std::int8_t* quants, float* scales,
                           std::int32_t* sums);
  void (*attend_f32)(const AttendChunk& chunk);
  void (*attend_f16)(const AttendChunk& chunk);
  void (*attend_wide)(const AttendChunk& chunk);
  void (*attend_q8_0)(const AttendChunk& chunk);
  // Takes the partial result of an AttendChunk into that of the positions before it.
  void (*merge_attended)(const float* partial, std::uint32_t n_rows, std::uint32_t head_dim,
                         float* sum);
  // Sum of all bytes as 64-bit words: reads memory as fast as a core can.
  std::uint64_t (*read)(const std::byte* memory, std::size_t bytes);
};

// Tables of the levels; call only what the processor has.
const KernelTable& avx2_kernels();
const KernelTable& avx2_vnni_kernels();  // same results as avx2, bit for bit
const KernelTable& avx512_kernels();
// Same results as avx512, bit for bit, but of many tokens and BF16 rows, and of few tokens and long
// rows of half floats, which are no lanes here.
const KernelTable& amx_kernels();

}  // namespace synfire::cpu
