#include "core/actor/manual_executor.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace synfire {

ManualExecutor::Choose ManualExecutor::oldest_first() {
  return [](std::size_t) -> std::size_t { return 0; };
}

// No std::uniform_int_distribution: its results differ between standard libraries.
ManualExecutor::Choose ManualExecutor::shuffled(std::uint64_t seed) {
  return [random = std::mt19937_64(seed)](std::size_t ready) mutable -> std::size_t {
    return random() % ready;
  };
}

ManualExecutor::ManualExecutor(std::shared_ptr<ManualClock> clock, Choose choose)
    : clock_(std::move(clock)), choose_(std::move(choose)) {}

bool ManualExecutor::post(Task task) {
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    task.reset();
    return false;
  }
  tasks_.push_back(std::move(task));
  return true;
}

TimerHandle ManualExecutor::run_at(TimePoint due, Task task) {
  const auto added = timers_->add(due, std::move(task));
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    timers_->cancel(added.key);
  }
  return TimerHandle(timers_, added.key);
}

std::size_t ManualExecutor::ready() {
  collect_due();
  std::lock_guard lock(mutex_);
  return tasks_.size();
}

bool ManualExecutor::run_one() {
  const std::size_t count = ready();
  if (count == 0) return false;
  const std::size_t chosen = std::min(choose_(count), count - 1);
  Task task;
  {
    std::lock_guard lock(mutex_);
    task = std::move(tasks_[chosen]);
    tasks_.erase(tasks_.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
  task();
  return true;
}

std::size_t ManualExecutor::run_until_idle(std::size_t at_most) {
  std::size_t count = 0;
  while (count < at_most && run_one()) ++count;
  return count;
}

void ManualExecutor::advance(Duration by) {
  const TimePoint end = clock_->now() + by;
  for (;;) {
    run_until_idle();
    const TimePoint next = timers_->next_due();
    if (next > end) break;
    clock_->set(std::max(next, clock_->now()));
  }
  clock_->set(std::max(end, clock_->now()));
}

void ManualExecutor::stop() {
  std::deque<Task> dropped;
  timers_->clear();
  std::lock_guard lock(mutex_);
  stopped_ = true;
  dropped.swap(tasks_);
}

void ManualExecutor::collect_due() {
  while (Task task = timers_->take_due(clock_->now())) {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    tasks_.push_back(std::move(task));
  }
}

}  // namespace synfire
