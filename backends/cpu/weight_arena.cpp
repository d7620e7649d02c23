#include "backends/cpu/weight_arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "backends/cpu/node_memory.hpp"
#include "plugins/sdk/error.hpp"

namespace synfire::cpu {
namespace {

constexpr std::size_t kRegion = std::size_t{64} << 20;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kAlignment = 64;

constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

// Aligned to huge pages, so that all of it can lie in some.
std::shared_ptr<void> map_region(std::size_t bytes, unsigned node) {
  const std::size_t mapped = bytes + kHugePage;
  void* const memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw sdk::Error(sdk::kResourceExhausted,
                     "cpu: no memory for " + std::to_string(bytes) + " bytes of weights");
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t before = round_up(address, kHugePage) - address;
  if (before != 0) munmap(memory, before);
  if (before != kHugePage)
    munmap(static_cast<std::byte*>(memory) + before + bytes, kHugePage - before);
  void* const aligned = static_cast<std::byte*>(memory) + before;
  madvise(aligned, bytes, MADV_HUGEPAGE);
  // Where the system would not, pages come from the node of the member that writes them first.
  static_cast<void>(bind_to_node(aligned, bytes, node));
  return {aligned, [bytes](void* region) { munmap(region, bytes); }};
}

}  // namespace

WeightMemory WeightArena::allocate(std::size_t bytes) {
  const std::size_t wanted = round_up(std::max<std::size_t>(bytes, 1), kAlignment);
  if (wanted > left_) {
    const std::size_t size = round_up(std::max(wanted, kRegion), kHugePage);
    region_ = map_region(size, node_);
    at_ = static_cast<std::byte*>(region_.get());
    left_ = size;
  }
  WeightMemory memory(region_, at_);
  at_ += wanted;
  left_ -= wanted;
  return memory;
}

}  // namespace synfire::cpu
