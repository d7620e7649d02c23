#pragma once

#include <atomic>

#include "core/base/clock.hpp"

namespace synfire {

// A clock whose hands are turned by the test. Starts at the epoch. Any thread.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(Duration(ticks_.load())); }
  void advance(Duration by) { ticks_ += by.count(); }
  void set(TimePoint now) { ticks_ = now.time_since_epoch().count(); }

 private:
  std::atomic<Duration::rep> ticks_ = 0;
};

}  // namespace synfire
