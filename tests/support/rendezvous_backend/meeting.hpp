#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "plugins/sdk/error.hpp"

namespace synfire::rendezvous_backend {

inline constexpr std::uint32_t kDevices = 2;

// Where the halves of a split FFN meet: the n-th arrival of each device waits for the n-th of the
// other. One per process; any thread.
class Meeting {
 public:
  static Meeting& instance() {
    static Meeting meeting;
    return meeting;
  }

  // A device that is opened while no other is starts the count anew.
  void open() {
    const std::lock_guard lock(mutex_);
    if (open_++ == 0) arrived_ = {};
  }
  void close() {
    const std::lock_guard lock(mutex_);
    --open_;
  }

  // DEADLINE_EXCEEDED if the other has not come in time, ABORTED once `stop` is set and woken.
  void arrive(std::uint32_t device, std::chrono::milliseconds timeout,
              const std::atomic<bool>& stop) {
    std::unique_lock lock(mutex_);
    const std::uint64_t turn = ++arrived_[device];
    changed_.notify_all();
    const std::uint32_t other = 1 - device;
    const bool met = changed_.wait_for(lock, timeout, [&] {
      return arrived_[other] >= turn || stop.load(std::memory_order_relaxed);
    });
    if (arrived_[other] >= turn) return;
    const std::string name = "rendezvous:" + std::to_string(device);
    if (met) throw sdk::Error(sdk::kAborted, name + ": aborted at neuron_ffn");
    throw sdk::Error(sdk::kDeadlineExceeded, name + ": neuron_ffn " + std::to_string(turn) +
                                                 " waited " + std::to_string(timeout.count()) +
                                                 " ms, and the other device did not start its own");
  }

  // Lets waiting devices look at their stop flags.
  void wake() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t open_ = 0;                         // devices; guarded by mutex_
  std::array<std::uint64_t, kDevices> arrived_{};  // guarded by mutex_
};

}  // namespace synfire::rendezvous_backend
