#include "core/actor/timer_queue.hpp"

namespace synfire {

TimerQueue::Added TimerQueue::add(TimePoint due, Task task) {
  std::lock_guard lock(mutex_);
  const auto [at, inserted] = tasks_.try_emplace(Key(due, next_id_++), std::move(task));
  note_next_due();
  return {at->first, at == tasks_.begin()};
}

bool TimerQueue::cancel(const Key& key) {
  std::map<Key, Task>::node_type taken;  // its task is destroyed after the lock is gone
  std::lock_guard lock(mutex_);
  taken = tasks_.extract(key);
  note_next_due();
  return !taken.empty();
}

Task TimerQueue::take_due(TimePoint now) {
  std::lock_guard lock(mutex_);
  if (tasks_.empty() || tasks_.begin()->first.first > now) return {};
  auto taken = tasks_.extract(tasks_.begin());
  note_next_due();
  return std::move(taken.mapped());
}

void TimerQueue::clear() {
  std::map<Key, Task> tasks;
  std::lock_guard lock(mutex_);
  tasks.swap(tasks_);
  note_next_due();
}

void TimerQueue::note_next_due() {
  const TimePoint next = tasks_.empty() ? TimePoint::max() : tasks_.begin()->first.first;
  next_due_.store(next.time_since_epoch().count(), std::memory_order_release);
}

bool TimerHandle::cancel() {
  const auto queue = queue_.lock();
  return queue && queue->cancel(key_);
}

}  // namespace synfire
