#include "backends/cpu/node_memory.hpp"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include <gtest/gtest.h>

#include "backends/cpu/topology.hpp"

namespace synfire::cpu {
namespace {

constexpr std::size_t kPages = 8;

struct Policy {
  int mode = -1;
  unsigned long nodes = 0;
};

class NodeMemory : public testing::Test {
 protected:
  NodeMemory() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, kPages * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  ~NodeMemory() override { munmap(memory_, kPages * page_); }

  Policy policy(std::size_t page) {
    Policy found;
    unsigned long nodes[16] = {};
    EXPECT_EQ(syscall(SYS_get_mempolicy, &found.mode, nodes, sizeof nodes * 8,
                      memory_ + page * page_, MPOL_F_ADDR),
              0);
    found.nodes = nodes[0];
    return found;
  }
  // False where the system has no NUMA or forbids it.
  bool has_policies() { return syscall(SYS_get_mempolicy, nullptr, nullptr, 0, nullptr, 0) == 0; }

  const std::size_t page_;
  const unsigned node_ = machine_topology().nodes.front().os_index;
  std::byte* memory_;
};

TEST_F(NodeMemory, ItsPagesPreferTheNode) {
  if (!has_policies() || !bind_to_node(memory_, page_, node_)) GTEST_SKIP() << "no NUMA here";
  ASSERT_TRUE(bind_to_node(memory_ + 1, 4 * page_, node_));  // pages 1 to 3 lie within
  EXPECT_EQ(policy(2).mode, MPOL_PREFERRED);
  EXPECT_EQ(policy(2).nodes, 1UL << node_);
  EXPECT_EQ(policy(3).mode, MPOL_PREFERRED);
  EXPECT_EQ(policy(4).mode, MPOL_DEFAULT);
  EXPECT_EQ(policy(5).mode, MPOL_DEFAULT);
  memory_[2 * page_] = std::byte{1};  // and can be used
}

TEST_F(NodeMemory, LessThanAPageIsNothing) {
  EXPECT_TRUE(bind_to_node(memory_ + 1, page_ - 1, node_));
  EXPECT_TRUE(bind_to_node(memory_, 0, node_));
}

TEST_F(NodeMemory, ANodeThatIsNotThereIsRefused) {
  EXPECT_FALSE(bind_to_node(memory_, page_, 1000));
}

}  // namespace
}  // namespace synfire::cpu
