#pragma once

#include <memory>
#include <utility>

#include "core/actor/mailbox.hpp"

namespace synfire {

// How the others speak to an actor. Copies freely; any thread.
//
// Shares the mailbox only, never the actor: a ref does not keep an actor alive, and sending to a
// dead one answers `closed`. A default-made ref answers `closed` too.
template <typename Message, std::equality_comparable Control = NoControl>
class ActorRef {
 public:
  using Box = Mailbox<Message, Control>;

  ActorRef() = default;
  explicit ActorRef(std::shared_ptr<Box> mailbox) : mailbox_(std::move(mailbox)) {}

  // A message that is not `ok` stays with the caller.
  [[nodiscard]] SendResult try_send(Message&& message) const {
    return mailbox_ ? mailbox_->try_send(std::move(message)) : SendResult::closed;
  }
  SendResult send_control(Control control) const {
    return mailbox_ ? mailbox_->send_control(std::move(control)) : SendResult::closed;
  }
  // The actor's poll() is called soon. From any thread, plugins' own included; not a signal
  // handler.
  void wake() const {
    if (mailbox_) mailbox_->wake();
  }
  [[nodiscard]] bool closed() const { return !mailbox_ || mailbox_->closed(); }

  friend bool operator==(const ActorRef&, const ActorRef&) = default;  // the same actor

 private:
  std::shared_ptr<Box> mailbox_;
};

}  // namespace synfire
