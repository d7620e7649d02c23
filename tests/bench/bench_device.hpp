#pragma once

#include <cstdlib>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/topology.hpp"

namespace synfire::cpu {

// The device that a bench measures: a thread for each core, or SYNFIRE_BENCH_THREADS, at the level
// that SYNFIRE_SIMD forces or the machine's best.
inline CpuDevice& device() {
  static CpuDevice opened([] {
    const char* const threads = std::getenv("SYNFIRE_BENCH_THREADS");
    CpuOptions options;
    options.threads = threads == nullptr ? machine_topology().physical_cores.size()
                                         : std::strtoul(threads, nullptr, 10);
    const char* const simd = std::getenv("SYNFIRE_SIMD");
    options.level = choose_level(machine_features(), simd == nullptr ? "" : simd, "SYNFIRE_SIMD");
    return options;
  }());
  return opened;
}

}  // namespace synfire::cpu
