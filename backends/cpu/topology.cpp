#include "backends/cpu/topology.hpp"

#include <hwloc.h>

#include <fstream>
#include <limits>
#include <string>
#include <string_view>

#include "plugins/sdk/error.hpp"

namespace synfire::cpu {
namespace {

struct Loaded {
  hwloc_topology_t topology = nullptr;
  hwloc_cpuset_t usable = nullptr;

  Loaded() {
    if (hwloc_topology_init(&topology) != 0 || hwloc_topology_load(topology) != 0)
      throw sdk::Error(sdk::kInternal, "cpu: hwloc cannot read the machine's topology");
    usable = hwloc_bitmap_alloc();
    if (hwloc_get_cpubind(topology, usable, HWLOC_CPUBIND_PROCESS) != 0)
      hwloc_bitmap_copy(usable, hwloc_topology_get_allowed_cpuset(topology));
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  ~Loaded() {
    hwloc_bitmap_free(usable);
    hwloc_topology_destroy(topology);
  }
};

std::vector<unsigned> first_of_each_core(const Loaded& machine) {
  std::vector<unsigned> cores;
  const int n = hwloc_get_nbobjs_by_type(machine.topology, HWLOC_OBJ_CORE);
  for (int i = 0; i < n; ++i) {
    const hwloc_obj_t core =
        hwloc_get_obj_by_type(machine.topology, HWLOC_OBJ_CORE, static_cast<unsigned>(i));
    for (int pu = hwloc_bitmap_first(core->cpuset); pu >= 0;
         pu = hwloc_bitmap_next(core->cpuset, pu)) {
      if (!hwloc_bitmap_isset(machine.usable, static_cast<unsigned>(pu))) continue;
      cores.push_back(static_cast<unsigned>(pu));
      break;
    }
  }
  return cores;
}

std::uint64_t last_level_cache_of(const Loaded& machine) {
  for (const hwloc_obj_type_t type : {HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE})
    if (const hwloc_obj_t cache = hwloc_get_obj_by_type(machine.topology, type, 0))
      return cache->attr->cache.size;
  return 0;
}

// A row of /proc/meminfo, in bytes; 0 where it is not there. (hwloc leaves out memory that was
// added later.)
std::uint64_t memory_info(std::string_view row) {
  std::ifstream file("/proc/meminfo");
  std::string key;
  for (std::uint64_t kibibytes = 0; file >> key >> kibibytes;
       file.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
    if (key == row) return kibibytes * 1024;
  return 0;
}

Topology read_topology() {
  const Loaded machine;
  Topology found;
  for (int pu = hwloc_bitmap_first(machine.usable); pu >= 0;
       pu = hwloc_bitmap_next(machine.usable, pu))
    found.processing_units.push_back(static_cast<unsigned>(pu));
  found.physical_cores = first_of_each_core(machine);
  if (found.physical_cores.empty()) found.physical_cores = found.processing_units;
  found.memory_total = memory_info("MemTotal:");
  found.last_level_cache = last_level_cache_of(machine);
  return found;
}

}  // namespace

const Topology& machine_topology() {
  static const Topology topology = read_topology();
  return topology;
}

std::uint64_t available_memory() { return memory_info("MemAvailable:"); }

}  // namespace synfire::cpu
