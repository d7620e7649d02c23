#include "backends/cpu/node_memory.hpp"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

namespace synfire::cpu {

namespace {

// The pages that lie in a stretch of memory whole.
struct WholePages {
  WholePages(void* memory, std::size_t bytes) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) / page * page;
    const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / page * page;
    size = begin < end ? end - begin : 0;
  }

  std::uintptr_t begin;
  std::size_t size;
};

}  // namespace

void prefer_huge_pages(void* memory, std::size_t bytes) {
  const WholePages pages(memory, bytes);
  if (pages.size != 0) madvise(reinterpret_cast<void*>(pages.begin), pages.size, MADV_HUGEPAGE);
}

bool bind_to_node(void* memory, std::size_t bytes, unsigned node) {
  const WholePages pages(memory, bytes);
  if (pages.size == 0) return true;
  constexpr unsigned kBits = 8 * sizeof(unsigned long);
  std::vector<unsigned long> nodes(node / kBits + 1);
  nodes[node / kBits] = 1UL << (node % kBits);
  // One more than the mask has: the kernel takes one off.
  const unsigned long max_node = nodes.size() * kBits + 1;
  return syscall(SYS_mbind, pages.begin, pages.size, MPOL_PREFERRED, nodes.data(), max_node, 0U) ==
         0;
}

}  // namespace synfire::cpu
