#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "core/base/clock.hpp"

namespace synfire {

// How long at least one of several devices had a stage under way. What is left of a step is
// hand-offs, and what the engine itself does. Thread-safe.
class ComputeTime {
 public:
  explicit ComputeTime(std::shared_ptr<const Clock> clock = std::make_shared<SteadyClock>())
      : clock_(std::move(clock)) {}

  void begin() {
    const std::lock_guard lock(mutex_);
    if (n_under_way_++ == 0) since_ = clock_->now();
  }
  void end() {
    const std::lock_guard lock(mutex_);
    if (--n_under_way_ == 0) total_ += clock_->now() - since_;
  }
  // Of the spans that ended.
  [[nodiscard]] Duration total() const {
    const std::lock_guard lock(mutex_);
    return total_;
  }

 private:
  const std::shared_ptr<const Clock> clock_;
  mutable std::mutex mutex_;
  std::uint32_t n_under_way_ = 0;
  TimePoint since_;
  Duration total_{};
};

}  // namespace synfire
