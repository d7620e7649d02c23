#include <cstdlib>
#include <memory>
#include <string>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/topology.hpp"

namespace synfire::cpu {
namespace {

constexpr const char* kEnvironment = "SYNFIRE_SIMD";

struct Backend {
  static constexpr const char* kName = "cpu";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription =
      "x86-64 cores: AVX2, AVX-512 and AMX kernels, thread team";

  // One per NUMA node, so that its memory lies beside its cores.
  static std::uint32_t device_count() {
    return static_cast<std::uint32_t>(machine_topology().nodes.size());
  }

  static void describe(std::uint32_t index, sf_device_info& info) {
    const NumaNode& node = machine_topology().nodes[index];
    const CpuFeatures& features = machine_features();
    const char* const wanted = std::getenv(kEnvironment);
    const SimdLevel level = choose_level(features, wanted == nullptr ? "" : wanted, kEnvironment);
    const KernelTable& kernels = kernels_of(level, features);
    info.kind = SF_DEVICE_CPU;
    info.flags = SF_DEVICE_UNIFIED | SF_DEVICE_PACKS;
    info.cores = static_cast<std::uint32_t>(node.physical_cores.size());
    info.memory_total = node.memory_total;
    info.memory_free = available_memory(node);
    std::string simd(level_name(level));
    if (simd != kernels.name) simd += std::string(" (") + kernels.name + " kernels)";
    if (!features.tiles_refused.empty()) simd += ", no tiles: " + features.tiles_refused;
    if (device_count() > 1) simd += ", NUMA node " + std::to_string(node.os_index);
    sdk::set_description(info, features.brand + ", " + simd);
  }

  static std::unique_ptr<sdk::Device> open(std::uint32_t index, const sf_options& options) {
    return std::make_unique<CpuDevice>(CpuOptions::parse(
        options, machine_topology(), index, machine_features(), std::getenv(kEnvironment)));
  }
};

}  // namespace
}  // namespace synfire::cpu

SYNFIRE_BACKEND_PLUGIN(synfire::cpu::Backend)
