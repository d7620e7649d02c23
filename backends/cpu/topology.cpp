#include "backends/cpu/topology.hpp"

#include <hwloc.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "plugins/sdk/error.hpp"
#include "plugins/sdk/memory_info.hpp"

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

struct Bitmap {
  hwloc_bitmap_t set = hwloc_bitmap_alloc();
  Bitmap() = default;
  Bitmap(const Bitmap&) = delete;
  Bitmap& operator=(const Bitmap&) = delete;
  ~Bitmap() { hwloc_bitmap_free(set); }
};

std::vector<unsigned> members(hwloc_const_bitmap_t set) {
  std::vector<unsigned> all;
  for (int i = hwloc_bitmap_first(set); i >= 0; i = hwloc_bitmap_next(set, i))
    all.push_back(static_cast<unsigned>(i));
  return all;
}

// Higher is faster; the same for all cores where the system does not tell kinds apart.
int efficiency_of(hwloc_topology_t topology, hwloc_const_cpuset_t core) {
  const int kind = hwloc_cpukinds_get_by_cpuset(topology, core, 0);
  int efficiency = -1;
  if (kind >= 0)
    hwloc_cpukinds_get_info(topology, static_cast<unsigned>(kind), nullptr, &efficiency, nullptr,
                            nullptr, 0);
  return efficiency;
}

// Cores with a usable processor in `within`: their first one, fast cores first, and how many are of
// the fastest kind.
std::pair<std::vector<unsigned>, std::size_t> cores_of(hwloc_topology_t topology,
                                                       hwloc_const_cpuset_t within) {
  std::vector<std::pair<int, unsigned>> cores;  // -efficiency, processor
  const Bitmap here;
  const int n = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
  for (int i = 0; i < n; ++i) {
    const hwloc_obj_t core =
        hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, static_cast<unsigned>(i));
    hwloc_bitmap_and(here.set, core->cpuset, within);
    if (const int first = hwloc_bitmap_first(here.set); first >= 0)
      cores.emplace_back(-efficiency_of(topology, core->cpuset), static_cast<unsigned>(first));
  }
  if (cores.empty())  // a system that knows processors only
    for (const unsigned processor : members(within)) cores.emplace_back(0, processor);
  std::stable_sort(cores.begin(), cores.end());
  std::pair<std::vector<unsigned>, std::size_t> sorted;
  for (const auto& [rank, processor] : cores) {
    sorted.first.push_back(processor);
    sorted.second += rank == cores.front().first;
  }
  return sorted;
}

// Takes the node's processors out of `left`.
NumaNode read_node(hwloc_topology_t topology, hwloc_obj_t object, hwloc_bitmap_t left) {
  const Bitmap here;
  hwloc_bitmap_and(here.set, object->cpuset, left);
  hwloc_bitmap_andnot(left, left, here.set);
  NumaNode node;
  node.os_index = object->os_index;
  node.processing_units = members(here.set);
  node.memory_total = object->attr->numanode.local_memory;
  if (!node.processing_units.empty())
    std::tie(node.physical_cores, node.fast_cores) = cores_of(topology, here.set);
  return node;
}

std::vector<NumaNode> read_nodes(hwloc_topology_t topology, hwloc_const_bitmap_t usable) {
  std::vector<NumaNode> nodes;
  const Bitmap left;
  hwloc_bitmap_copy(left.set, usable);
  for (hwloc_obj_t object = nullptr;
       (object = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, object)) != nullptr;) {
    NumaNode node = read_node(topology, object, left.set);
    if (!node.processing_units.empty()) nodes.push_back(std::move(node));
  }
  return nodes;
}

std::uint64_t last_level_cache_of(hwloc_topology_t topology) {
  for (const hwloc_obj_type_t type : {HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE})
    if (const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, type, 0))
      return cache->attr->cache.size;
  return 0;
}

}  // namespace

Topology read_topology(hwloc_topology* topology, const hwloc_bitmap_s* usable) {
  Topology found;
  const Bitmap mine;
  hwloc_bitmap_and(mine.set, usable, hwloc_topology_get_topology_cpuset(topology));
  found.processing_units = members(mine.set);
  found.physical_cores = cores_of(topology, mine.set).first;
  found.last_level_cache = last_level_cache_of(topology);
  found.nodes = read_nodes(topology, mine.set);
  for (const NumaNode& node : found.nodes) found.memory_total += node.memory_total;
  return found;
}

const Topology& machine_topology() {
  static const Topology topology = [] {
    const Loaded machine;
    Topology found = read_topology(machine.topology, machine.usable);
    // hwloc leaves out memory that was added later.
    found.memory_total = sdk::memory_info("MemTotal:");
    if (found.nodes.size() == 1) found.nodes.front().memory_total = found.memory_total;
    return found;
  }();
  return topology;
}

std::uint64_t available_memory(const NumaNode& node) {
  if (machine_topology().nodes.size() == 1) return sdk::available_memory();
  const std::string file =
      "/sys/devices/system/node/node" + std::to_string(node.os_index) + "/meminfo";
  return sdk::memory_info("MemFree:", file.c_str()) +
         sdk::memory_info("Inactive(file):", file.c_str());
}

}  // namespace synfire::cpu
