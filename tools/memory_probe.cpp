#include "tools/memory_probe.hpp"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "core/tensor/host_region.hpp"
#include "tools/cache_size.hpp"
#include "tools/read_kernels.hpp"

namespace synfire::cli {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kPart = 4 * kMiB;  // parts of threads are multiples of it
constexpr std::size_t kTail = kMiB;      // kernels prefetch past the end
constexpr std::size_t kFastest = 4;      // ways that measure_again() tries
constexpr int kPasses = 3, kPassesAgain = 4;

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

void bind_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  // Refused, the reading is only less steady.
  static_cast<void>(sched_setaffinity(0, sizeof set, &set));
}

// 1, 2, 4, ... and all.
std::vector<std::uint32_t> team_sizes(std::uint32_t threads) {
  std::vector<std::uint32_t> sizes;
  for (std::uint32_t n = 1; n < threads; n *= 2) sizes.push_back(n);
  sizes.push_back(threads);
  return sizes;
}

}  // namespace

void MemoryProbe::Unmap::operator()(std::byte* memory) const { munmap(memory, bytes); }

Result<MemoryProbe> MemoryProbe::make(std::uint32_t threads) {
  MemoryProbe probe;
  probe.threads_ = std::max(threads, 1U);
  probe.wanted_bytes_ = std::clamp(4 * last_level_cache_bytes(), 256 * kMiB, 2048 * kMiB);
  const std::uint64_t available = available_host_memory();
  probe.bytes_ = probe.wanted_bytes_;
  if (available != 0) probe.bytes_ = std::min<std::size_t>(probe.bytes_, available / 4);
  const std::size_t least = probe.threads_ * kPart;
  probe.bytes_ = std::max(probe.bytes_ / least * least, least);
  const std::size_t mapped = probe.bytes_ + kTail;
  void* const memory =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return error(StatusCode::resource_exhausted, "bandwidth probe: no memory for its {} bytes",
                 mapped);
  probe.memory_ = {static_cast<std::byte*>(memory), Unmap{mapped}};
  madvise(memory, mapped, MADV_HUGEPAGE);
  probe.cpus_ = allowed_cpus();
  if (probe.cpus_.size() < probe.threads_) probe.cpus_.clear();
  probe.fill();
  return probe;
}

void MemoryProbe::fill() {
  std::vector<std::thread> team;
  for (std::uint32_t member = 0; member < threads_; ++member)
    team.emplace_back([this, member] {
      if (!cpus_.empty()) bind_to(cpus_[member]);
      const std::size_t part = bytes_ / threads_;
      std::memset(memory_.get() + member * part, static_cast<int>(member + 1), part);
    });
  for (std::thread& thread : team) thread.join();
}

double MemoryProbe::time(std::size_t kernel, std::uint32_t threads, int passes) const {
  using Clock = std::chrono::steady_clock;
  const ReadKernel& how = read_kernels()[kernel];
  const std::size_t part = bytes_ / threads / kReadBlock * kReadBlock;
  std::atomic<std::uint64_t> sink = 0;  // keeps the reads from being left out
  std::vector<Clock::time_point> at;
  at.reserve(passes + 1);
  std::barrier turn(threads, [&]() noexcept { at.push_back(Clock::now()); });
  const auto work = [&](std::uint32_t member) {
    if (!cpus_.empty()) bind_to(cpus_[member]);
    turn.arrive_and_wait();
    for (int pass = 0; pass < passes; ++pass) {
      sink ^= how.read(memory_.get() + member * part, part);
      turn.arrive_and_wait();
    }
  };
  std::vector<std::thread> team;
  for (std::uint32_t member = 0; member < threads; ++member) team.emplace_back(work, member);
  for (std::thread& thread : team) thread.join();
  Clock::duration best = at[1] - at[0];
  for (int pass = 1; pass < passes; ++pass) best = std::min(best, at[pass + 1] - at[pass]);
  return static_cast<double>(part * threads) / std::chrono::duration<double>(best).count();
}

MemoryProbe::Reading MemoryProbe::measure() {
  fastest_.clear();
  for (const std::uint32_t threads : team_sizes(threads_))
    for (std::size_t kernel = 0; kernel < read_kernels().size(); ++kernel)
      fastest_.push_back({kernel, threads, time(kernel, threads, kPasses)});
  std::sort(fastest_.begin(), fastest_.end(),
            [](const Way& a, const Way& b) { return a.bandwidth > b.bandwidth; });
  fastest_.resize(std::min(fastest_.size(), kFastest));
  return best(fastest_);
}

MemoryProbe::Reading MemoryProbe::measure_again() {
  if (fastest_.empty()) return measure();
  std::vector<Way> ways = fastest_;
  for (Way& way : ways) way.bandwidth = time(way.kernel, way.threads, kPassesAgain);
  return best(ways);
}

MemoryProbe::Reading MemoryProbe::best(const std::vector<Way>& ways) const {
  const Way& way = *std::max_element(ways.begin(), ways.end(), [](const Way& a, const Way& b) {
    return a.bandwidth < b.bandwidth;
  });
  return {way.bandwidth, std::string(read_kernels()[way.kernel].name), way.threads};
}

}  // namespace synfire::cli
