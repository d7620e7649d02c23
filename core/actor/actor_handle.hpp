#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/actor/actor_cell.hpp"

namespace synfire {

// Owns an actor. Dropping the handle ends the actor (`stopped`), without waiting: a turn under way
// goes on to its end, and the actor object is destroyed on its executor. Any thread.
template <typename Message, std::equality_comparable Control = NoControl>
class ActorHandle {
 public:
  using Ref = ActorRef<Message, Control>;

  ActorHandle() = default;
  explicit ActorHandle(std::shared_ptr<ActorCell<Message, Control>> cell)
      : cell_(std::move(cell)) {}
  ActorHandle(ActorHandle&&) noexcept = default;
  ActorHandle& operator=(ActorHandle&& other) noexcept {
    if (this != &other) {
      reset();
      cell_ = std::move(other.cell_);
    }
    return *this;
  }
  ~ActorHandle() { reset(); }

  [[nodiscard]] Ref ref() const { return cell_ ? Ref(cell_->mailbox()) : Ref(); }
  [[nodiscard]] bool alive() const { return cell_ && !cell_->dead(); }

  // Takes no more messages, reads those it has, then ends as `stopped`.
  void drain() {
    if (cell_) cell_->mailbox()->close();
  }

  // Declares it dead now, in the middle of a turn if need be: the mailbox closes, the listener is
  // told. What a stuck turn touches lives until that turn ends. False: it was dead already.
  bool kill(Status status) { return cell_ && cell_->die(DownReason::killed, std::move(status)); }

  void reset() {
    if (auto cell = std::exchange(cell_, nullptr)) cell->die(DownReason::stopped, {});
  }

 private:
  std::shared_ptr<ActorCell<Message, Control>> cell_;
};

// Puts `actor` on `executor`. Its on_start() runs there soon, also when nothing is sent. The
// executor is not kept alive: an actor whose executor is gone ends with `executor_stopped`.
template <typename A>
[[nodiscard]] auto spawn(const std::shared_ptr<Executor>& executor, std::unique_ptr<A> actor,
                         ActorOptions options = {}) {
  using Cell = ActorCell<typename A::MessageType, typename A::ControlType>;
  auto cell = std::make_shared<Cell>(executor, std::move(actor), std::move(options));
  cell->start();
  return ActorHandle<typename A::MessageType, typename A::ControlType>(std::move(cell));
}

}  // namespace synfire
