#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/actor/executor.hpp"
#include "core/base/result.hpp"

namespace synfire {

class EventLoop;

struct ThreadExecutorOptions {
  std::string name = "synfire";                // of the thread; the system keeps 15 characters
  Duration spin{0};                            // polls this long for work before it sleeps
  std::function<void()> on_thread_start = {};  // runs on the thread before any task: pins it, say
  Duration stop_within = std::chrono::seconds(5);  // the destructor's patience
};

// An executor with one thread of its own. With spin > 0 a hand-off to it costs about a microsecond
// while it is busy, and the thread burns its core for `spin` after each task; idle it costs
// nothing. Several actors may share one; plain actors want spin = 0.
//
// Stopping: what was posted before still runs, later posts are refused, timers are dropped.
class ThreadExecutor final : public Executor {
 public:
  // Fails only when the system has no thread to give.
  static Result<std::shared_ptr<ThreadExecutor>> start(ThreadExecutorOptions options = {});

  // stop_and_join(stop_within). On its own thread it cannot wait: the thread ends after this task.
  ~ThreadExecutor() override;

  bool post(Task task) override;
  TimerHandle run_at(TimePoint due, Task task) override;
  [[nodiscard]] const Clock& clock() const override;
  [[nodiscard]] Duration spin() const override;

  // Stops, and waits for the thread's end. False: it was still in a task (foreign code that does
  // not come back) when the time was up. Then the thread is let go: everything its task owns lives
  // until that task returns; what was queued behind it is dropped, and actors whose turns are
  // dropped end with `executor_stopped`. Callable again, any thread; on its own thread it only asks
  // to stop and answers false.
  [[nodiscard]] bool stop_and_join(Duration within);

 private:
  explicit ThreadExecutor(ThreadExecutorOptions options);
  void launch();  // may throw std::system_error

  ThreadExecutorOptions options_;
  std::shared_ptr<EventLoop> loop_;
  std::mutex joining_;
  std::thread thread_;
  std::thread::id thread_id_;
  bool joined_ = false;
};

}  // namespace synfire
