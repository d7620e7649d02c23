#include "tests/support/tiles_backend/software_tile_kernels.hpp"

#define SYNFIRE_LEVEL_NAME "avx512, again"
#define SYNFIRE_LEVEL_TABLE avx512_again_kernels
// clang-format off
#include "backends/cpu/kernels/level-inl.hpp"
#include "backends/cpu/kernels/tile_level-inl.hpp"
#include "tests/support/tiles_backend/software_tiles-inl.hpp"
// clang-format on

namespace synfire::cpu {
namespace {

constexpr KernelTable kSoftwareTable = with_tiles<SoftwareTiles>(kTable, "software tiles");

}  // namespace

const KernelTable& software_tile_kernels() { return kSoftwareTable; }

std::uint64_t software_tile_products() { return tile_state.products; }

}  // namespace synfire::cpu
