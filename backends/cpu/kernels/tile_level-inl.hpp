// The amx level: what the avx512 level is, with tiles where many tokens go by. Included after
// level-inl.hpp, at the avx512 level only.
#pragma once

HWY_BEFORE_NAMESPACE();
// clang-format off
#include "backends/cpu/kernels/tile_tokens-inl.hpp"
#include "backends/cpu/kernels/tile_dot-inl.hpp"
#include "backends/cpu/kernels/tile_wide-inl.hpp"
#include "backends/cpu/kernels/tile_bf16-inl.hpp"
// clang-format on

namespace synfire::cpu {
namespace {

template <typename Tiles>
constexpr KernelTable with_tiles(KernelTable table, const char* name) {
  table.name = name;
  table.f16.dot = dot_half_tiles<Tiles, F16Row>;
  table.bf16.dot = dot_bf16<Tiles>;
  table.q8_0.dot = dot_tiles<Tiles, Q8Format>;
  table.q4_0.dot = dot_tiles<Tiles, Q4Format>;
  // Tiles want packed rows.
  table.f16.long_lanes = table.bf16.long_lanes = table.q8_0.long_lanes = false;
  table.q4_0.dot_lanes = nullptr;
  table.quantize_eight = nullptr;
  table.q4_1.dot = dot_tiles<Tiles, Q41Format>;
  table.q4_k.dot = dot_tiles<Tiles, Q4KFormat>;
  table.q5_k.dot = dot_tiles<Tiles, Q5KFormat>;
  table.q6_k.dot = dot_tiles<Tiles, Q6KFormat>;
  table.quantize_wide = quantize_wide_bytes;
  table.arrange_tokens = arrange_tokens;
  table.split_tokens = split_tokens;
  return table;
}

}  // namespace
}  // namespace synfire::cpu
HWY_AFTER_NAMESPACE();
