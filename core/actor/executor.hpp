#pragma once

#include "core/actor/task.hpp"
#include "core/actor/timer_queue.hpp"
#include "core/base/clock.hpp"

namespace synfire {

// Where actors get their turns. One task at a time; every function from any thread.
class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` later, never within this call. False: stopped for good, and the task was destroyed.
  virtual bool post(Task task) = 0;

  // Runs `task` once `due` is reached. A stopped executor destroys it.
  virtual TimerHandle run_at(TimePoint due, Task task) = 0;

  [[nodiscard]] virtual const Clock& clock() const = 0;

  // How long something that waits may be asked again and again before its thread may sleep.
  [[nodiscard]] virtual Duration spin() const = 0;
};

}  // namespace synfire
