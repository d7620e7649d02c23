#pragma once

#include <cstdint>
#include <vector>

namespace synfire::cpu {

// The machine as this process may use it (hwloc; affinity at the process's start included).
struct Topology {
  std::vector<unsigned> processing_units;  // usable logical processors, by their OS number, rising
  std::vector<unsigned> physical_cores;    // the first usable one of each physical core
  std::uint64_t memory_total = 0;          // bytes
  std::uint64_t last_level_cache = 0;      // bytes of one last-level cache; 0 = unknown
};

// Read once. Thread-safe.
const Topology& machine_topology();

// Bytes that could be allocated now without swapping; 0 = unknown.
std::uint64_t available_memory();

}  // namespace synfire::cpu
