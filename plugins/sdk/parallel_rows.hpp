#pragma once

#include <algorithm>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace synfire::sdk {

// Runs work(first, last) over ranges that cover [0, rows), on all cores that this process may use,
// and returns when all is done. For work at load time; `work` must not throw.
template <typename Work>
void parallel_rows(std::size_t rows, const Work& work) {
  constexpr std::size_t kLeastRows = 64;  // of a thread; starting one costs about 20 us
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t parts = std::max<std::size_t>(1, std::min(cores, rows / kLeastRows));
  const auto bound = [&](std::size_t part) { return rows * part / parts; };
  std::vector<std::thread> threads;
  threads.reserve(parts - 1);
  std::size_t mine = 1;  // parts of this thread, the first ones
  try {
    for (std::size_t part = parts - 1; part >= 1; --part)
      threads.emplace_back(work, bound(part), bound(part + 1));
  } catch (const std::system_error&) {  // the system gives no more threads
    mine = parts - threads.size();
  }
  work(0, bound(mine));
  for (std::thread& thread : threads) thread.join();
}

}  // namespace synfire::sdk
