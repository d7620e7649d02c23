#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "core/actor/executor.hpp"
#include "core/actor/manual_clock.hpp"

namespace synfire {

// An executor that runs what the test tells it to, when and in the order that the test says.
//
// An actor has at most one turn queued, so the order of tasks is the order of actors; with
// ActorOptions::messages_per_turn = 1 it is the order of single messages among them. spin() is 0:
// an actor that waits is asked again when it is woken or due. post() and run_at() from any thread;
// run_*() and advance() from one at a time.
class ManualExecutor final : public Executor {
 public:
  // Which of `ready` tasks (oldest first, ready > 0) runs next.
  using Choose = std::function<std::size_t(std::size_t ready)>;
  static Choose oldest_first();
  static Choose shuffled(std::uint64_t seed);  // the same seed, the same order, on every machine

  explicit ManualExecutor(std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(),
                          Choose choose = oldest_first());
  ~ManualExecutor() override { stop(); }

  bool post(Task task) override;
  TimerHandle run_at(TimePoint due, Task task) override;
  [[nodiscard]] const Clock& clock() const override { return *clock_; }
  [[nodiscard]] Duration spin() const override { return Duration::zero(); }

  // Timers that are due count as ready from the moment the clock reaches them.
  [[nodiscard]] std::size_t ready();
  bool run_one();  // false: nothing is ready
  static constexpr std::size_t kEndless = 1'000'000;
  std::size_t run_until_idle(std::size_t at_most = kEndless);  // how many ran

  // Runs until idle, then turns the clock on to the next timer, and so on until `by` has passed.
  void advance(Duration by);

  // Refuses from now on; what is queued is destroyed unrun.
  void stop();

 private:
  void collect_due();

  const std::shared_ptr<ManualClock> clock_;
  const Choose choose_;
  const std::shared_ptr<TimerQueue> timers_ = std::make_shared<TimerQueue>();
  std::mutex mutex_;
  std::deque<Task> tasks_;
  bool stopped_ = false;
};

}  // namespace synfire
