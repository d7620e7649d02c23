#include "backends/cpu/topology.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwloc.h>

namespace synfire::cpu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A machine that hwloc makes up from a description (hwloc(7), "Synthetic topologies").
class Machine {
 public:
  explicit Machine(const char* description) : usable_(hwloc_bitmap_alloc_full()) {
    EXPECT_EQ(hwloc_topology_init(&topology_), 0);
    EXPECT_EQ(hwloc_topology_set_synthetic(topology_, description), 0) << description;
    EXPECT_EQ(hwloc_topology_load(topology_), 0);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() {
    hwloc_bitmap_free(usable_);
    hwloc_topology_destroy(topology_);
  }

  // By an affinity mask or a cgroup: "0-3,8".
  Machine& allow(const char* processors) {
    hwloc_bitmap_list_sscanf(usable_, processors);
    return *this;
  }
  Machine& kind(const char* processors, int efficiency) {
    const hwloc_bitmap_t set = hwloc_bitmap_alloc();
    hwloc_bitmap_list_sscanf(set, processors);
    EXPECT_EQ(hwloc_cpukinds_register(topology_, set, efficiency, 0, nullptr, 0), 0);
    hwloc_bitmap_free(set);
    return *this;
  }
  [[nodiscard]] Topology read() const { return read_topology(topology_, usable_); }

 private:
  hwloc_topology_t topology_ = nullptr;
  hwloc_bitmap_t usable_;
};

TEST(Topology, OneNode) {
  const Topology one = Machine("numa:1(memory=1GB) l3:1(size=32MB) core:2 pu:1").read();
  ASSERT_THAT(one.nodes, SizeIs(1));
  EXPECT_THAT(one.processing_units, ElementsAre(0, 1));
  EXPECT_THAT(one.physical_cores, ElementsAre(0, 1));
  EXPECT_THAT(one.nodes[0].processing_units, ElementsAre(0, 1));
  EXPECT_EQ(one.nodes[0].fast_cores, 2U);
  EXPECT_GT(one.nodes[0].memory_total, 0U);
  EXPECT_GT(one.last_level_cache, std::uint64_t{16} << 20);
}

TEST(Topology, TwoSocketsAreTwoNodes) {
  const Topology two = Machine("pack:2 numa:1(memory=1GB) core:4 pu:1").read();
  ASSERT_THAT(two.nodes, SizeIs(2));
  EXPECT_THAT(two.nodes[0].physical_cores, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(two.nodes[1].physical_cores, ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(two.nodes[1].os_index, 1U);
  EXPECT_THAT(two.physical_cores, SizeIs(8));
  EXPECT_EQ(two.memory_total, two.nodes[0].memory_total + two.nodes[1].memory_total);
}

TEST(Topology, ThreadsOfACoreAreOneCore) {
  const Topology smt = Machine("pack:2 numa:1 core:2 pu:2").read();
  ASSERT_THAT(smt.nodes, SizeIs(2));
  EXPECT_THAT(smt.nodes[0].processing_units, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(smt.nodes[0].physical_cores, ElementsAre(0, 2));
  EXPECT_THAT(smt.nodes[1].physical_cores, ElementsAre(4, 6));
  EXPECT_THAT(smt.physical_cores, ElementsAre(0, 2, 4, 6));
}

// Linux numbers the second threads of all cores after the first ones.
TEST(Topology, ThreadsOfACoreMayBeFarApart) {
  const Topology smt = Machine("numa:1 core:4 pu:2(indexes=0,4,1,5,2,6,3,7)").read();
  EXPECT_THAT(smt.processing_units, SizeIs(8));
  EXPECT_THAT(smt.physical_cores, ElementsAre(0, 1, 2, 3));
}

TEST(Topology, ANodeWithoutUsableCoresIsNoDevice) {
  const Topology one = Machine("pack:3 numa:1 core:2 pu:1").allow("0-1,4-5").read();
  ASSERT_THAT(one.nodes, SizeIs(2));
  EXPECT_EQ(one.nodes[0].os_index, 0U);
  EXPECT_EQ(one.nodes[1].os_index, 2U);
  EXPECT_THAT(one.nodes[1].physical_cores, ElementsAre(4, 5));
}

// High-bandwidth or far memory: a second node beside the same cores.
TEST(Topology, ANodeOfMemoryAloneIsNoDevice) {
  const Topology hbm = Machine("pack:2 [numa(memory=1GB)] [numa(memory=2GB)] core:2 pu:1").read();
  ASSERT_THAT(hbm.nodes, SizeIs(2));
  EXPECT_THAT(hbm.nodes[0].physical_cores, ElementsAre(0, 1));
  EXPECT_THAT(hbm.nodes[1].physical_cores, ElementsAre(2, 3));
}

TEST(Topology, FastCoresComeFirst) {
  // Two efficiency cores before four performance cores with two threads each.
  Machine hybrid("numa:1 core:6 pu:2");
  hybrid.allow("0,2,4-11").kind("0-3", 0).kind("4-11", 1);
  const Topology found = hybrid.read();
  EXPECT_THAT(found.physical_cores, ElementsAre(4, 6, 8, 10, 0, 2));
  ASSERT_THAT(found.nodes, SizeIs(1));
  EXPECT_THAT(found.nodes[0].physical_cores, ElementsAre(4, 6, 8, 10, 0, 2));
  EXPECT_EQ(found.nodes[0].fast_cores, 4U);
}

TEST(Topology, OnlyWhatTheProcessMayUse) {
  // The first thread of core 1 is somebody else's.
  const Topology some = Machine("pack:2 numa:1 core:2 pu:2").allow("1,3,6").read();
  EXPECT_THAT(some.processing_units, ElementsAre(1, 3, 6));
  EXPECT_THAT(some.physical_cores, ElementsAre(1, 3, 6));
  ASSERT_THAT(some.nodes, SizeIs(2));
  EXPECT_THAT(some.nodes[0].processing_units, ElementsAre(1, 3));
  EXPECT_THAT(some.nodes[1].physical_cores, ElementsAre(6));
}

TEST(Topology, ThisMachine) {
  const Topology& machine = machine_topology();
  ASSERT_FALSE(machine.nodes.empty());
  std::size_t processors = 0;
  for (const NumaNode& node : machine.nodes) {
    processors += node.processing_units.size();
    EXPECT_FALSE(node.physical_cores.empty());
    EXPECT_LE(node.fast_cores, node.physical_cores.size());
    EXPECT_GT(available_memory(node), 0U);
  }
  EXPECT_EQ(processors, machine.processing_units.size());
  EXPECT_GT(machine.memory_total, 0U);
}

}  // namespace
}  // namespace synfire::cpu
