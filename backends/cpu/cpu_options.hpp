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
  static constexpr double kLeastThrottle = 0.01;

  unsigned node = 0;  // the system's number, for bind_to_node()
  std::size_t threads = 1;
  // The listed cores, one for each thread; else the node's, one for each where there are as many
  // threads; else anywhere on the node.
  ThreadHomes homes;
  ThreadHomes homes_if_shared;  // where another device of this process has some of those cores
  SimdLevel level = SimdLevel::avx2;
  // Share of the time that it computes; it rests in between. To try placements over unequal devices
  // on equal cores.
  double throttle = 1;

  // threads=N, cores=0-3,7, simd=avx2|avx512|amx, throttle=0.01..1. `simd_environment` is the value
  // of SYNFIRE_SIMD (null = not set); the option wins over it. `node`: the device's, an index of
  // topology.nodes. Throws sdk::Error naming the got and the wanted.
  static CpuOptions parse(const sf_options& options, const Topology& topology, std::size_t node,
                          const CpuFeatures& features, const char* simd_environment);
};

// "0-3,7" -> 0 1 2 3 7. Throws sdk::Error for anything else, and for a core named twice.
std::vector<unsigned> parse_core_list(std::string_view text);

}  // namespace synfire::cpu
