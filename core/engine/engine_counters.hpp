#pragma once

#include <atomic>
#include <cstdint>

namespace synfire {

// What the engine's actor counts and any thread may read.
struct EngineCounters {
  std::atomic<std::uint64_t> started = 0, finished = 0, failed = 0, cancelled = 0, refused = 0;
  std::atomic<std::uint64_t> active = 0;  // waiting or running
  std::atomic<std::uint64_t> running = 0;
  std::atomic<std::uint64_t> steps = 0, prompt_tokens = 0, generated_tokens = 0;
  std::atomic<std::uint64_t> forks = 0, joins = 0;
  std::atomic<std::uint64_t> step_ns = 0;     // from sending a step to its last answer
  std::atomic<std::uint64_t> busiest_ns = 0;  // in stages, of the step's busiest device
};

}  // namespace synfire
