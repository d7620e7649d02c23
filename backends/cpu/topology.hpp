#pragma once

#include <cstdint>
#include <vector>

struct hwloc_topology;
struct hwloc_bitmap_s;

namespace synfire::cpu {

// A NUMA node with the cores beside its memory that this process may use.
struct NumaNode {
  unsigned os_index = 0;                   // the system's number
  std::vector<unsigned> processing_units;  // as in Topology
  std::vector<unsigned> physical_cores;
  std::size_t fast_cores = 0;      // of physical_cores, the first so many are of the fastest kind
  std::uint64_t memory_total = 0;  // bytes
};

// The machine as this process may use it (hwloc; affinity at the process's start included).
struct Topology {
  std::vector<unsigned> processing_units;  // usable logical processors, by their OS number, rising
  std::vector<unsigned> physical_cores;    // the first usable one of each core; fast ones first
  std::uint64_t memory_total = 0;          // bytes
  std::uint64_t last_level_cache = 0;      // bytes of one last-level cache; 0 = unknown
  std::vector<NumaNode> nodes;             // those with usable cores; at least one
};

// Reads a loaded topology, of which the processors in `usable` may be used. A core that lies beside
// several nodes counts for the first: a node of memory alone is none.
Topology read_topology(hwloc_topology* topology, const hwloc_bitmap_s* usable);

// This machine's; read once. Thread-safe.
const Topology& machine_topology();

// Bytes of the node that could be allocated now without swapping; 0 = unknown.
std::uint64_t available_memory(const NumaNode& node);

}  // namespace synfire::cpu
