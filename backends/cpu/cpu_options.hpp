#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "backends/cpu/affinity.hpp"
#include "backends/cpu/cpu_features.hpp"
#include "backends/cpu/simd_level.hpp"
#include "backends/cpu/topology.hpp"
#include "plugins/abi/synfire_plugin.h"

namespace synfire::cpu {

// Options of open_device, checked against the machine.
struct CpuOptions {
  static constexpr std::size_t kMaxThreads = 256;

  std::size_t threads = 1;
  ThreadHomes homes;  // the listed cores, one for each; else anywhere on the node
  SimdLevel level = SimdLevel::avx2;

  // threads=N, cores=0-3,7, simd=avx2|avx512|amx. `simd_environment` is the value of SYNFIRE_SIMD
  // (null = not set); the option wins over it. `node`: the device's, an index of topology.nodes.
  // Throws sdk::Error naming the got and the wanted.
  static CpuOptions parse(const sf_options& options, const Topology& topology, std::size_t node,
                          const CpuFeatures& features, const char* simd_environment);
};

// "0-3,7" -> 0 1 2 3 7. Throws sdk::Error for anything else, and for a core named twice.
std::vector<unsigned> parse_core_list(std::string_view text);

}  // namespace synfire::cpu
