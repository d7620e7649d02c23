// What it costs to give work to a thread team and to have it back: parallel_for with an empty body,
// one chunk per member.
//
// busy/G: the caller works G microseconds alone between two runs, as ops do that are not shared.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <vector>

#include <benchmark/benchmark.h>

#include "backends/cpu/affinity.hpp"
#include "backends/cpu/thread_team.hpp"
#include "backends/cpu/topology.hpp"

namespace synfire::cpu {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

double quantile(std::vector<double>& values, double share) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * (values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

void busy(benchmark::State& state) {
  const std::size_t members = 2;
  const std::chrono::microseconds gap(state.range(0));
  const std::vector<unsigned>& cores = machine_topology().physical_cores;
  if (cores.size() < members) return state.SkipWithError("one core only");
  const ThreadHomes homes{cores, true};
  const KeptHere here(homes);
  ThreadTeam team(members, homes, true);
  std::vector<double> took;
  std::size_t both = 0;  // runs in which each member had a chunk
  for (auto _ : state) {
    for (const auto until = Clock::now() + gap; Clock::now() < until;) benchmark::ClobberMemory();
    bool second = false;  // written by member 1 alone
    const auto begin = Clock::now();
    team.parallel_for(members, [&](std::size_t, std::size_t member) {
      if (member == 1) second = true;
    });
    took.push_back(microseconds(Clock::now() - begin));
    both += second;
  }
  state.counters["median_us"] = quantile(took, 0.5);
  state.counters["p99_us"] = quantile(took, 0.99);
  state.counters["both"] = static_cast<double>(both) / static_cast<double>(took.size());
}
BENCHMARK(busy)->Arg(0)->Arg(5)->Arg(20)->Arg(200)->UseRealTime();

// The same, but every member has to come: the slowest way through.
void all_come(benchmark::State& state) {
  const std::vector<unsigned>& cores = machine_topology().physical_cores;
  if (cores.size() < 2) return state.SkipWithError("one core only");
  const ThreadHomes homes{cores, true};
  const KeptHere here(homes);
  ThreadTeam team(2, homes, true);
  std::vector<double> took;
  for (auto _ : state) {
    std::atomic<int> inside{0};
    const auto begin = Clock::now();
    team.parallel_for(2, [&](std::size_t, std::size_t) {
      inside.fetch_add(1);
      while (inside.load() < 2) {
      }
    });
    took.push_back(microseconds(Clock::now() - begin));
  }
  state.counters["median_us"] = quantile(took, 0.5);
  state.counters["p99_us"] = quantile(took, 0.99);
}
BENCHMARK(all_come)->UseRealTime();

}  // namespace
}  // namespace synfire::cpu

BENCHMARK_MAIN();
