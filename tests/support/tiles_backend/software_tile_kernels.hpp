#pragma once

#include <cstdint>

#include "backends/cpu/kernels/kernel_table.hpp"

namespace synfire::cpu {

// The kernels of the amx level over tiles in memory: for any processor with the avx512 level.
const KernelTable& software_tile_kernels();

// Products of tiles that they made on this thread so far.
std::uint64_t software_tile_products();

}  // namespace synfire::cpu
