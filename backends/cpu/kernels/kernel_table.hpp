#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/kernels/activations.hpp"
#include "backends/cpu/kernels/attend.hpp"

// Everything that a SIMD level computes, as functions over plain memory. One table per level; the
// code of a level lives in one translation unit, compiled for it, and includes no header whose
// inline functions another unit could share.
namespace synfire::cpu {

// Rows of weights that one call of a dot kernel takes.
inline constexpr std::uint32_t kTileRows = 16;

// out[i * kTileRows + r] = dot(rows[r], token tokens[i] of x), for kTileRows rows (name one row
// several times where there are fewer) and n_tokens tokens. `next_rows`: the rows of the next call,
// fetched ahead while these are computed; may be null. `cols` is a multiple of the dtype's block
// size. `scratch` has dot_scratch_bytes(cols), 64-byte aligned. The value for one row and one
// token does not depend on the other rows and tokens of the call.
using DotTile = void (*)(const std::byte* const* rows, const std::byte* const* next_rows,
                         std::uint32_t cols, const Activations& x, const std::uint32_t* tokens,
                         std::uint32_t n_tokens, float* out, std::byte* scratch);

// Fewest bytes of scratch for any DotTile.
constexpr std::size_t dot_scratch_bytes(std::uint32_t cols) {
  return (std::size_t{cols} / 32 + 1) * (32 + 16) * kTileRows;
}

// acc[i] += scale * element `first + i` of the row, for n elements. For a blocked dtype `first` and
// n are multiples of the block size.
using AddScaledRow = void (*)(const std::byte* row, float scale, std::uint32_t first,
                              std::uint32_t n, float* acc);

// values[i] = element `first + i` of the row; likewise.
using DecodeRow = void (*)(const std::byte* row, std::uint32_t first, std::uint32_t n,
                           float* values);

struct KernelTable {
  const char* name;

  DotTile dot_f32, dot_f16, dot_bf16, dot_q8_0, dot_q4_0, dot_q4_1, dot_q6_k;

  AddScaledRow add_scaled_f32, add_scaled_f16, add_scaled_bf16, add_scaled_q8_0;
  DecodeRow decode_f32, decode_f16, decode_bf16, decode_q8_0;

  // One row of x for sign_dot, n a multiple of 32: x ~ scale * multiplier * quant, a multiplier of
  // 1 to 127 for each block of 32, repeated for each element; returns the scale.
  float (*sign_quantize)(const float* x, std::uint32_t n, std::int8_t* quants,
                         std::uint8_t* multipliers);
  // out[r] = sum over i < n of x_i, negative where bit i of row r is set, for n_rows rows at a
  // stride of row_bytes. A row's value does not depend on the other rows of the call, nor on the
  // level.
  void (*sign_dot)(const std::byte* rows, std::size_t row_bytes, std::uint32_t n_rows,
                   std::uint32_t n, const std::int8_t* quants, const std::uint8_t* multipliers,
                   float scale, float* out);

  // One row of x to 8-bit blocks of 32; see Activations for the results.
  void (*quantize)(const float* x, std::uint32_t n, std::int8_t* quants, float* scales,
                   std::int32_t* sums);

  void (*add)(const float* a, const float* b, std::uint32_t n, float* y);
  // acc[i] += scale * x[i]
  void (*add_scaled)(const float* x, float scale, std::uint32_t n, float* acc);
  void (*scale)(float factor, std::uint32_t n, float* y);
  // out [n_rows, n]: out[r] += sum over j in order of h[r * h_stride + j] * x[j], x [n_x, n].
  void (*combine)(const float* x, std::uint32_t n_x, std::uint32_t n, const float* h,
                  std::size_t h_stride, std::uint32_t n_rows, float* out);
  void (*rms_norm)(const float* x, const float* weight, std::uint32_t n, float eps, float* y);
  // y = act(gate) * up, or act(gate) where up is null. `activation` is one of SF_ACTIVATION_*.
  void (*activate)(std::uint32_t activation, const float* gate, const float* up, std::uint32_t n,
                   float* y);
  // Rotates pairs (x[2i], x[2i+1]) or (x[i], x[i + n_pairs]) by (cosines[i], sines[i]) into y.
  void (*rotate_adjacent)(const float* x, const float* cosines, const float* sines,
                          std::uint32_t n_pairs, float* y);
  void (*rotate_halves)(const float* x, const float* cosines, const float* sines,
                        std::uint32_t n_pairs, float* y);
  void (*to_f16)(const float* x, std::uint32_t n, std::uint16_t* y);
  // ids of scores[i] > threshold, as first + i, rising; returns how many.
  std::uint32_t (*above)(const float* scores, std::uint32_t n, float threshold, std::uint32_t first,
                         std::uint32_t* ids);

  void (*attend_f32)(const AttendChunk& chunk);
  void (*attend_f16)(const AttendChunk& chunk);
  // Sum of all bytes as 64-bit words: reads memory as fast as a core can.
  std::uint64_t (*read)(const std::byte* memory, std::size_t bytes);
};

// Tables of the levels; call only what the processor has.
const KernelTable& avx2_kernels();
const KernelTable& avx2_vnni_kernels();  // same results as avx2, bit for bit
const KernelTable& avx512_kernels();

}  // namespace synfire::cpu
