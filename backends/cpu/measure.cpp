#include "backends/cpu/measure.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "backends/cpu/topology.hpp"
#include "plugins/sdk/error.hpp"
#include "plugins/sdk/memory_info.hpp"

namespace synfire::cpu {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;

// Anonymous memory in huge pages where the system gives them; not from the heap, so that all of it
// goes back at once.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes)
      : bytes_(bytes),
        memory_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED)
      throw sdk::Error(sdk::kResourceExhausted, "cpu: no memory for the bandwidth probe");
    madvise(memory_, bytes, MADV_HUGEPAGE);
  }
  ~Buffer() { munmap(memory_, bytes_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] std::byte* at(std::size_t chunk) const {
    return static_cast<std::byte*>(memory_) + chunk * kChunk;
  }

 private:
  std::size_t bytes_;
  void* memory_;
};

// Twice the last-level cache if that is affordable; at least 256 MiB, memory permitting.
std::size_t probe_bytes() {
  constexpr std::size_t kLeast = std::size_t{256} << 20;
  constexpr std::size_t kMost = std::size_t{512} << 20;
  const std::size_t wanted =
      std::clamp<std::size_t>(2 * machine_topology().last_level_cache, kLeast, kMost);
  const std::size_t available = sdk::available_memory();
  const std::size_t allowed = available == 0 ? kLeast : std::max(available / 4, kChunk);
  return std::min(wanted, allowed) / kChunk * kChunk;
}

}  // namespace

double measure_read_bandwidth(ThreadTeam& team, const KernelTable& kernels) {
  const std::size_t bytes = probe_bytes();
  const Buffer buffer(bytes);
  std::atomic<std::uint64_t> sum{0};
  team.parallel_for(bytes / kChunk, [&](std::size_t chunk, std::size_t) {
    std::memset(buffer.at(chunk), static_cast<int>(chunk % 256), kChunk);
  });
  const auto read_all = [&] {
    team.parallel_for(bytes / kChunk, [&](std::size_t chunk, std::size_t) {
      sum.fetch_add(kernels.read(buffer.at(chunk), kChunk), std::memory_order_relaxed);
    });
  };
  double best = 1e9;  // seconds
  double spent = 0;
  for (int pass = 0; pass < 5 && spent < 0.4; ++pass) {
    const double seconds = seconds_per_run(0, read_all);
    best = std::min(best, seconds);
    spent += seconds;
  }
  return static_cast<double>(bytes) / best;
}

}  // namespace synfire::cpu
