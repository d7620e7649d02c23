#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace synfire::cli {

// How fast threads read host memory that no cache holds. One buffer for all readings, in huge pages
// where the system gives them, each part first touched by the thread that reads it. Main thread
// only.
class MemoryProbe {
 public:
  struct Reading {
    double bandwidth = 0;       // bytes/s
    std::string kernel;         // that was fastest
    std::uint32_t threads = 0;  // likewise
  };

  // For 1 to `threads` threads, one per core. RESOURCE_EXHAUSTED where memory is short.
  [[nodiscard]] static Result<MemoryProbe> make(std::uint32_t threads);

  // The best of all kernels and numbers of threads; about a second.
  [[nodiscard]] Reading measure();
  // The best of those that were fastest in measure(); a few passes.
  [[nodiscard]] Reading measure_again();

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // What the buffer should have had: 4 x the last-level caches, at least 256 MiB, at most 2 GiB. A
  // smaller one, for want of memory, may read from caches.
  [[nodiscard]] std::size_t wanted_bytes() const { return wanted_bytes_; }

 private:
  struct Way {
    std::size_t kernel;
    std::uint32_t threads;
    double bandwidth;
  };
  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* memory) const;
  };

  MemoryProbe() = default;
  void fill();
  [[nodiscard]] double time(std::size_t kernel, std::uint32_t threads, int passes) const;
  [[nodiscard]] Reading best(const std::vector<Way>& ways) const;

  std::size_t bytes_ = 0, wanted_bytes_ = 0;
  std::uint32_t threads_ = 1;
  std::vector<int> cpus_;  // that threads are bound to, in order; empty: left to the system
  std::unique_ptr<std::byte, Unmap> memory_;
  std::vector<Way> fastest_;
};

}  // namespace synfire::cli
