#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "core/actor/actor_ref.hpp"
#include "core/actor/executor.hpp"
#include "core/base/status.hpp"

namespace synfire {

// What poll() says when the actor is blocked on something that is not in its mailbox.
struct Wait {
  TimePoint again_at;  // poll at this time at the latest, woken or not
  bool hold_messages =
      true;              // leave messages in the mailbox meanwhile; control still comes through
  TimePoint since = {};  // when the wait began, where that was later than what was read last
};

template <typename Message, std::equality_comparable Control>
class ActorCell;

// An actor: state that only its own turns touch, driven by messages.
//
// All virtual functions and the destructor run in turns on the actor's executor, never two at once.
// (If the executor stopped for good, the destructor runs where that is found out.) An exception
// that escapes ends the actor; its DownListener is told.
//
// A turn: control messages first, then poll(), then one message, and again, for a bounded number of
// messages; then the other actors of the executor come.
template <typename Message, std::equality_comparable Control = NoControl>
class Actor {
 public:
  using MessageType = Message;
  using ControlType = Control;
  using Ref = ActorRef<Message, Control>;

  virtual ~Actor() = default;

  // The first thing in the first turn: open here what must be opened on the actor's own thread.
  virtual void on_start() {}
  virtual void receive(Message&& message) = 0;
  virtual void receive_control(Control&& /*control*/) {}

  // Called at every turn, before each message, and after the last. nullopt: not blocked. While a
  // Wait is returned the actor is polled for the executor's spin() time from when it last read
  // something or was woken, or from `since`, and after that only when something is sent, when
  // Ref::wake() is called, and at again_at.
  virtual std::optional<Wait> poll() { return std::nullopt; }

 protected:
  // Ends the actor after the current call: OK is `stopped`, an error is `failed`.
  void stop(Status status = {}) { exit_ = std::move(status); }

  [[nodiscard]] const Ref& self() const { return self_; }  // for timers, wakers and other actors
  // Not in constructor and destructor: the executor is sure to exist during turns only.
  [[nodiscard]] Executor& executor() const { return *executor_; }
  [[nodiscard]] TimePoint now() const { return executor_->clock().now(); }

 private:
  friend class ActorCell<Message, Control>;

  Ref self_;
  Executor* executor_ = nullptr;  // kept alive by the cell during turns
  std::optional<Status> exit_;
};

}  // namespace synfire
