#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/actor/down.hpp"
#include "core/actor/executor.hpp"

namespace synfire {

struct RestartLimit {
  std::size_t max_restarts = 3;  // within `window`; one more is too many
  Duration window = std::chrono::minutes(1);
  Duration delay{0};  // before each restart
};

// What happened to a child, in this order: down, then restarted | ended | exhausted.
struct ChildEvent {
  enum class Kind {
    down,       // `down` says why: its requests end now
    restarted,  // incarnation `incarnation` was started
    ended,      // it stopped and nobody wants it back
    exhausted,  // too many restarts: it stays dead
  };
  Kind kind;
  std::uint64_t incarnation;  // 0 is the first
  Down down;                  // the last one
};

struct ChildSpec {
  std::string name;

  // Starts a new incarnation and hands `on_down` to it as its listener. An error counts as a down.
  std::function<Status(DownListener on_down)> start;

  RestartLimit limit;

  // Empty: everything is restarted but what was `stopped`.
  std::function<bool(const Down&)> wants_restart;

  std::function<void(const ChildEvent&)> on_event;  // may be empty
};

// Keeps actors alive: starts them, is told when they end, starts them again within a limit, and
// says when the limit is used up. Knows nothing about what they are.
//
// supervise() and stop() from any thread. Everything else, the callbacks of the specs included,
// runs in tasks on the supervisor's executor, one at a time.
class Supervisor : public std::enable_shared_from_this<Supervisor> {
 public:
  [[nodiscard]] static std::shared_ptr<Supervisor> create(std::shared_ptr<Executor> executor);

  void supervise(ChildSpec spec);  // starts it soon

  // No restarts and no events after the task that runs now. The children live on: they have owners.
  void stop();

 private:
  struct Child {
    ChildSpec spec;
    std::uint64_t incarnation = 0;
    bool up = false;
    std::deque<TimePoint> restarts;  // within the window
  };

  explicit Supervisor(std::shared_ptr<Executor> executor) : executor_(std::move(executor)) {}

  void start(std::size_t index);
  void on_down(std::size_t index, std::uint64_t incarnation, const Down& down);
  void restart(std::size_t index);
  [[nodiscard]] bool may_restart(Child& child);
  [[nodiscard]] DownListener listener(std::size_t index, std::uint64_t incarnation);
  static void tell(const Child& child, ChildEvent::Kind kind, const Down& down);

  const std::shared_ptr<Executor> executor_;
  std::atomic<bool> stopped_ = false;
  std::vector<std::unique_ptr<Child>> children_;  // touched on the executor only; never shrinks
};

}  // namespace synfire
