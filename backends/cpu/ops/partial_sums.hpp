#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/workspace.hpp"

namespace synfire::cpu {

// Partial sums of chunks and their sum, added in the chunks' order, so threads and timing never
// change a bit. Whoever ends a chunk adds all that are ready: so most is added beside other work,
// by the member that wrote it, and nobody waits.
//
// Members may call at the same time, each for the chunks that it took.
class PartialSums {
 public:
  PartialSums(Workspace& workspace, std::uint32_t n, std::size_t width)
      : n_(n),
        width_(width),
        sums_(workspace.get<float>(Workspace::partials, n * width)),
        ready_(workspace.get<std::atomic<bool>>(Workspace::tokens, n)) {
    for (std::uint32_t i = 0; i < n; ++i) new (ready_ + i) std::atomic<bool>(false);
  }

  // A chunk's sum, 0 in all columns: for its member, which calls add_up() when it is whole.
  [[nodiscard]] float* begin(std::uint32_t chunk) const {
    float* const sum = sums_ + chunk * width_;
    std::memset(sum, 0, width_ * sizeof(float));
    return sum;
  }
  // The sum of all chunks for the one who makes it whole; else null.
  [[nodiscard]] const float* add_up(const KernelTable& kernels, std::uint32_t chunk) {
    ready_[chunk].store(true);
    // Whoever adds looks again once it has let others in: a chunk that they left to it is not lost.
    for (std::uint32_t next = chunk; next < n_ && ready_[next].load();) {
      if (adding_.exchange(true)) return nullptr;
      const std::uint32_t before = added_;
      while (added_ < n_ && ready_[added_].load()) add_next(kernels);
      next = added_;
      adding_.store(false);
      if (next == n_) return next != before ? sums_ : nullptr;
    }
    return nullptr;
  }

 private:
  void add_next(const KernelTable& kernels) {
    if (added_ != 0)
      kernels.add(sums_, sums_ + added_ * width_, static_cast<std::uint32_t>(width_), sums_);
    ++added_;
  }

  std::uint32_t n_;
  std::size_t width_;         // floats of a sum
  float* sums_;               // [n, width]; the first one becomes that of all
  std::atomic<bool>* ready_;  // by chunk
  std::atomic<bool> adding_{false};
  std::uint32_t added_ = 0;  // chunks; for the one that adds
};

}  // namespace synfire::cpu
