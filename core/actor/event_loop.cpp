#include "core/actor/event_loop.hpp"

#include <exception>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

#include "core/base/log.hpp"

namespace synfire {
namespace {

constexpr unsigned kTasksPerYield = 64;
constexpr int kLooksPerYield = 64;  // about a microsecond or two

// Tells the core that this is a spin, so that its sibling and its power budget are spared.
void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void run_task(Task& task) {
  try {
    task();
  } catch (const std::exception& caught) {
    log::error("a task on an executor threw: {}", caught.what());
  } catch (...) {
    log::error("a task on an executor threw an exception of unknown type");
  }
}

}  // namespace

bool EventLoop::post(Task task) {
  std::unique_lock lock(mutex_);
  if (stopping_) {
    lock.unlock();
    task.reset();
    return false;
  }
  tasks_.push_back(std::move(task));
  pending_.store(tasks_.size(), std::memory_order_release);
  wake(lock);
  return true;
}

TimerHandle EventLoop::run_at(TimePoint due, Task task) {
  const auto added = timers_->add(due, std::move(task));
  std::unique_lock lock(mutex_);
  if (stopping_) {
    lock.unlock();
    timers_->cancel(added.key);
  } else if (added.earliest) {
    wake(lock);
  }
  return TimerHandle(timers_, added.key);
}

void EventLoop::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  wake(lock);
  timers_->clear();
}

void EventLoop::abandon() {
  stop();
  std::deque<Task> dropped;
  std::lock_guard lock(mutex_);
  dropped.swap(tasks_);
  pending_ = 0;
}

bool EventLoop::wait_finished(Duration at_most) {
  std::unique_lock lock(mutex_);
  return finished_changed_.wait_for(lock, at_most, [this] { return finished_; });
}

void EventLoop::run() {
  for (unsigned tasks = 1; !over(); ++tasks) {
    if (Task task = next()) {
      run_task(task);
      if (tasks % kTasksPerYield == 0) std::this_thread::yield();  // it may be a poll that repeats
    } else if (!spin_for_work()) {
      sleep();
    }
  }
  std::lock_guard lock(mutex_);
  finished_ = true;
  finished_changed_.notify_all();
}

bool EventLoop::over() {
  if (!stopping_.load(std::memory_order_acquire)) return false;
  std::lock_guard lock(mutex_);
  return tasks_.empty();
}

// A timer that is due goes before what was posted, so that a busy loop cannot starve deadlines.
Task EventLoop::next() {
  if (timers_->next_due() != TimePoint::max()) {
    if (Task task = timers_->take_due(clock_->now())) return task;
  }
  std::lock_guard lock(mutex_);
  if (tasks_.empty()) return {};
  Task task = std::move(tasks_.front());
  tasks_.pop_front();
  pending_.store(tasks_.size(), std::memory_order_release);
  return task;
}

// True when something came up within the spin time. Yields now and then: should more threads be
// ready than there are cores, the one that we wait for may be waiting for our core.
bool EventLoop::spin_for_work() const {
  if (spin_ <= Duration::zero()) return false;
  const TimePoint until = clock_->now() + spin_;
  for (;;) {
    for (int look = 0; look < kLooksPerYield; ++look) {
      if (pending_.load(std::memory_order_acquire) != 0) return true;
      relax();
    }
    if (stopping_.load(std::memory_order_acquire)) return true;
    const TimePoint now = clock_->now();
    if (now >= timers_->next_due()) return true;
    if (now >= until) return false;
    std::this_thread::yield();
  }
}

// A task or a timer that comes after `sleeping_` is set posts to the io_context; one that came
// before is seen here. So no wake is lost; one that comes too late costs an empty round.
void EventLoop::sleep() {
  {
    std::lock_guard lock(mutex_);
    if (!tasks_.empty() || stopping_) return;
    sleeping_ = true;
  }
  const TimePoint due = timers_->next_due();
  if (due == TimePoint::max()) {
    context_.run_one();
  } else {
    context_.run_one_until(due);
  }
  std::lock_guard lock(mutex_);
  sleeping_ = false;
}

// Gives the lock up before the system call, so that the woken thread does not run into it.
void EventLoop::wake(std::unique_lock<std::mutex>& lock) {
  const bool asleep = std::exchange(sleeping_, false);
  lock.unlock();
  if (asleep) boost::asio::post(context_, [] {});
}

}  // namespace synfire
