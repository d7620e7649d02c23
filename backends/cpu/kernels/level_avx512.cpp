#define SYNFIRE_LEVEL_NAME "avx512"
#define SYNFIRE_LEVEL_TABLE avx512_kernels
// clang-format off
#include "backends/cpu/kernels/level-inl.hpp"
#include "backends/cpu/kernels/tile_level-inl.hpp"
#include "backends/cpu/kernels/tiles_amx-inl.hpp"
// clang-format on

namespace synfire::cpu {
namespace {

constexpr KernelTable kAmxTable = with_tiles<AmxTiles>(kTable, "amx");

}  // namespace

const KernelTable& amx_kernels() { return kAmxTable; }

}  // namespace synfire::cpu
