#pragma once

#include <chrono>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/thread_team.hpp"

namespace synfire::cpu {

// Bytes/s that a team reads from memory: the best of some passes over a buffer larger than the
// caches, as far as memory and a good half second allow.
double measure_read_bandwidth(ThreadTeam& team, const KernelTable& kernels);

// Runs `body` until `enough` seconds have passed; returns seconds per run.
template <typename Body>
double seconds_per_run(double enough, const Body& body) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  for (double runs = 1;; ++runs) {
    body();
    const double passed = std::chrono::duration<double>(Clock::now() - start).count();
    if (passed >= enough) return passed / runs;
  }
}

}  // namespace synfire::cpu
