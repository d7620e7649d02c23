#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "core/actor/task.hpp"
#include "core/actor/timer_queue.hpp"
#include "core/base/clock.hpp"

namespace synfire {

// What a ThreadExecutor's thread runs, and what it shares with those who hand it tasks. Shared by
// the executor and the thread, so that a thread that never comes back frees nothing under its feet.
//
// The queue is ours and not the io_context's: while the thread spins, a hand-off is one lock and
// one store, without the system call that Asio would make to interrupt a poll. The io_context is
// where the thread sleeps, until a post or the next timer.
class EventLoop {
 public:
  // `clock` counts in the steady clock's time, for the thread sleeps by that.
  explicit EventLoop(Duration spin,
                     std::unique_ptr<const Clock> clock = std::make_unique<SteadyClock>())
      : spin_(spin), clock_(std::move(clock)) {}

  // --- Any thread ---
  bool post(Task task);
  TimerHandle run_at(TimePoint due, Task task);
  void stop();     // refuses from now on; what was posted before still runs; timers are dropped
  void abandon();  // stop(), and nothing queued runs any more: it is destroyed here
  bool wait_finished(Duration at_most);
  [[nodiscard]] Duration spin() const { return spin_; }
  [[nodiscard]] const Clock& clock() const { return *clock_; }

  // --- The thread ---
  void run();  // until stopped

 private:
  [[nodiscard]] bool over();
  Task next();
  bool spin_for_work() const;
  void sleep();
  void wake(std::unique_lock<std::mutex>& lock);

  const Duration spin_;
  const std::unique_ptr<const Clock> clock_;
  const std::shared_ptr<TimerQueue> timers_ = std::make_shared<TimerQueue>();

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};

  std::mutex mutex_;
  std::condition_variable finished_changed_;
  std::deque<Task> tasks_;
  std::atomic<std::size_t> pending_ = 0;  // tasks_.size(), to look at without the lock
  std::atomic<bool> stopping_ = false;    // set under the lock
  bool sleeping_ = false;                 // in the io_context, or about to be
  bool finished_ = false;
};

}  // namespace synfire
