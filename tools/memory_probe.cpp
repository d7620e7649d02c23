#include "tools/memory_probe.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace synfire::cli {
namespace {

constexpr std::size_t kWords = (std::size_t{256} << 20) / sizeof(std::uint64_t);
constexpr int kPasses = 6;

// A sanitizer's checks of each access would be what is measured.
#define SYNFIRE_PLAIN_ACCESS __attribute__((no_sanitize("thread", "address")))

// Several sums, so that loads do not wait for additions.
SYNFIRE_PLAIN_ACCESS std::uint64_t sum_of(const std::uint64_t* words, std::size_t n) {
  constexpr std::size_t kLanes = 16;
  std::uint64_t sums[kLanes] = {};
  for (std::size_t i = 0; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += words[i + lane];
  }
  std::uint64_t sum = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) sum += sums[lane];
  return sum;
}

SYNFIRE_PLAIN_ACCESS void fill(std::uint64_t* words, std::size_t n, std::uint64_t value) {
  for (std::size_t i = 0; i < n; ++i) words[i] = value;
}

}  // namespace

double measure_read_bandwidth(std::uint32_t threads) {
  using Clock = std::chrono::steady_clock;
  const auto words = std::make_unique_for_overwrite<std::uint64_t[]>(kWords);
  std::atomic<std::uint64_t> sink = 0;  // keeps the sums from being optimized away
  std::array<Clock::time_point, kPasses + 1> at;
  std::size_t pass = 0;
  std::barrier turn(threads, [&]() noexcept { at[pass++] = Clock::now(); });
  const auto work = [&](std::size_t member) {
    const std::size_t from = kWords * member / threads;
    const std::size_t to = kWords * (member + 1) / threads;
    std::uint64_t* const mine = words.get() + from;
    fill(mine, to - from, member + 1);  // first touched by its reader
    turn.arrive_and_wait();
    for (int i = 0; i < kPasses; ++i) {
      sink += sum_of(mine, to - from);
      turn.arrive_and_wait();
    }
  };
  std::vector<std::thread> team;
  for (std::uint32_t member = 1; member < threads; ++member) team.emplace_back(work, member);
  work(0);
  for (std::thread& thread : team) thread.join();

  Clock::duration best = at[1] - at[0];
  for (int i = 1; i < kPasses; ++i) best = std::min(best, at[i + 1] - at[i]);
  return kWords * sizeof(std::uint64_t) / std::chrono::duration<double>(best).count();
}

}  // namespace synfire::cli
