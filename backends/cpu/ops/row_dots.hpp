#pragma once

#include <cstdint>

#include "backends/cpu/cpu_device.hpp"

namespace synfire::cpu {

// The dot kernel of a weight dtype.
DotTile dot_of(const KernelTable& kernels, DType dtype);

// Whether that kernel multiplies with 8-bit activations.
constexpr bool wants_quants(DType dtype) {
  return dtype == DType::q8_0 || dtype == DType::q4_0 || dtype == DType::q4_1 ||
         dtype == DType::q6_k;
}

// Rows of x made ready for dot kernels, quantized if `quantized`. Lives in the device's workspace
// until the next call.
Activations prepare_activations(CpuDevice& device, const float* x, std::uint32_t n_tokens,
                                std::uint32_t cols, bool quantized);

// 0, 1, 2, ... in the workspace.
const std::uint32_t* all_tokens(CpuDevice& device, std::uint32_t n_tokens);

// Into how many chunks to cut `tiles` pieces of work of about `tile_bytes` of memory each: several
// for each member, but none so small that handing it out costs more than doing it. Which chunks
// there are never changes a result.
std::uint32_t tiles_per_chunk(const CpuDevice& device, std::uint32_t tiles, std::size_t tile_bytes);

}  // namespace synfire::cpu
