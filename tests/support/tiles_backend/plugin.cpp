#include <memory>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/topology.hpp"
#include "tests/support/tiles_backend/software_tile_kernels.hpp"

// The cpu backend at its amx level, with tiles in memory: so every machine with AVX-512 tests what
// is around the tile instructions.
namespace synfire::cpu {
namespace {

struct Backend {
  static constexpr const char* kName = "tiles";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription = "cpu with software tiles";

  static std::uint32_t device_count() { return machine_features().avx512 ? 1 : 0; }

  static void describe(std::uint32_t index, sf_device_info& info) {
    const NumaNode& node = machine_topology().nodes[index];
    info.kind = SF_DEVICE_CPU;
    info.cores = static_cast<std::uint32_t>(node.physical_cores.size());
    info.memory_total = node.memory_total;
    info.memory_free = available_memory(node);
    info.flags = SF_DEVICE_UNIFIED | SF_DEVICE_PACKS;
    sdk::set_description(info, kDescription);
  }

  static std::unique_ptr<sdk::Device> open(std::uint32_t index, const sf_options& options) {
    return std::make_unique<CpuDevice>(
        CpuOptions::parse(options, machine_topology(), index, machine_features(), "avx512"),
        software_tile_kernels());
  }
};

}  // namespace
}  // namespace synfire::cpu

SYNFIRE_BACKEND_PLUGIN(synfire::cpu::Backend)
