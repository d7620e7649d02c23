#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "plugins/sdk/error.hpp"
#include "tests/support/async_backend/async_options.hpp"

namespace synfire::async_backend {

// What goes wrong on the device, and when: pauses, failures, stalls. Used by the device's thread
// alone, but for release(), which is for any thread.
class Disturbance {
 public:
  explicit Disturbance(const AsyncOptions& options) : options_(options), random_(options.seed) {}

  void begin_submission() { ++submission_; }

  // Before an op or a signal: a random pause.
  void pause() {
    if (options_.delay_us == 0) return;
    std::uniform_int_distribution<std::uint64_t> delay(0, options_.delay_us);
    std::this_thread::sleep_for(std::chrono::microseconds(delay(random_)));
  }

  // Fails or stalls if this submission is to.
  void strike() {
    if (submission_ == options_.fail_at)
      throw sdk::Error(sdk::kInternal,
                       "async: submission " + std::to_string(submission_) + " fails, as told");
    if (submission_ != options_.stall_at) return;
    std::unique_lock lock(mutex_);
    released_changed_.wait(lock, [&] { return released_; });
    throw sdk::Error(sdk::kAborted, "async: aborted while stalled");
  }

  // Ends a stall.
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    released_changed_.notify_all();
  }

 private:
  const AsyncOptions options_;
  std::mt19937_64 random_;
  std::uint64_t submission_ = 0;
  std::mutex mutex_;
  std::condition_variable released_changed_;
  bool released_ = false;  // guarded by mutex_
};

}  // namespace synfire::async_backend
