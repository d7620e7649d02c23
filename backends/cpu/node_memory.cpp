#include "backends/cpu/node_memory.hpp"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

namespace synfire::cpu {

bool bind_to_node(void* memory, std::size_t bytes, unsigned node) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) / page * page;
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / page * page;
  if (begin >= end) return true;
  constexpr unsigned kBits = 8 * sizeof(unsigned long);
  std::vector<unsigned long> nodes(node / kBits + 1);
  nodes[node / kBits] = 1UL << (node % kBits);
  // One more than the mask has: the kernel takes one off.
  const unsigned long max_node = nodes.size() * kBits + 1;
  return syscall(SYS_mbind, begin, end - begin, MPOL_PREFERRED, nodes.data(), max_node, 0U) == 0;
}

}  // namespace synfire::cpu
