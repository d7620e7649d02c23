#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "core/actor/task.hpp"
#include "core/base/clock.hpp"

namespace synfire {

// Tasks by due time; equal times in the order in which they were added. Thread-safe.
class TimerQueue {
 public:
  using Key = std::pair<TimePoint, std::uint64_t>;

  struct Added {
    Key key;
    bool earliest;  // nothing else is due before it: who sleeps until the old earliest must wake
  };

  Added add(TimePoint due, Task task);
  bool cancel(const Key& key);  // false: it was taken or cancelled before

  // TimePoint::max() when there is none. Costs one load: spinning threads ask all the time.
  [[nodiscard]] TimePoint next_due() const {
    return TimePoint(Duration(next_due_.load(std::memory_order_acquire)));
  }
  [[nodiscard]] Task take_due(TimePoint now);  // empty when nothing is due
  void clear();                                // tasks are destroyed outside the lock

 private:
  void note_next_due();  // locked

  mutable std::mutex mutex_;
  std::map<Key, Task> tasks_;
  std::atomic<Duration::rep> next_due_ = Duration::max().count();
  std::uint64_t next_id_ = 0;
};

// Takes a timer back. Any thread; copies mean the same timer; dropping a handle leaves its timer.
// Outlives its executor safely.
class TimerHandle {
 public:
  TimerHandle() = default;
  TimerHandle(std::weak_ptr<TimerQueue> queue, TimerQueue::Key key)
      : queue_(std::move(queue)), key_(key) {}

  // True: the task will not run, and is destroyed. False: it ran, runs, or was cancelled before.
  bool cancel();

 private:
  std::weak_ptr<TimerQueue> queue_;
  TimerQueue::Key key_{};
};

}  // namespace synfire
