#pragma once

#include <chrono>

namespace synfire::cpu {

// How long a device that computes a share of the time rests after each piece of work.
//
// `waited`: the time for which it has waited for others so far, which is neither work nor rest.
class Pacer {
 public:
  using Clock = std::chrono::steady_clock;

  // `share` of the time is work, more than 0 and at most 1.
  explicit Pacer(double share) : rest_per_work_(1 / share - 1) {}

  // Work begins, or goes on after a rest.
  void resume(Clock::time_point now, Clock::duration waited) {
    since_ = now;
    waited_ = waited;
  }
  // Until when to rest from the work since resume().
  [[nodiscard]] Clock::time_point rest_until(Clock::time_point now, Clock::duration waited) const {
    const std::chrono::duration<double> work = now - since_ - (waited - waited_);
    return now + std::chrono::duration_cast<Clock::duration>(work * rest_per_work_);
  }

 private:
  double rest_per_work_;
  Clock::time_point since_;
  Clock::duration waited_{};
};

}  // namespace synfire::cpu
