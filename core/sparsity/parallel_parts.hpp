#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace synfire {

// Runs work(i) for each i under n on all cores that there are, each core taking the next i when it
// is free, and returns when all is done. Which thread does a part must not matter; `work` must not
// throw.
template <typename Work>
void parallel_parts(std::size_t n, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto take = [&] {
    for (std::size_t i = next++; i < n; i = next++) work(i);
  };
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  threads.reserve(cores);
  try {
    while (threads.size() + 1 < std::min(cores, n)) threads.emplace_back(take);
  } catch (const std::system_error&) {  // the system gives no more: those that run do it all
  }
  take();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace synfire
