#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/actor/actor.hpp"
#include "core/actor/down.hpp"
#include "core/base/log.hpp"

namespace synfire {

struct ActorOptions {
  std::string name = "actor";
  std::size_t mailbox_capacity = 64;   // messages; more are refused with `full`
  std::size_t messages_per_turn = 16;  // then the executor's other actors have their turn
  DownListener on_down = {};           // may be empty
};

// The life of one actor: gives it turns, catches what escapes, tells its end once. Owned by its
// ActorHandle and by the turn that is queued or under way; the mailbox knows it weakly.
//
// Dead and gone are two things: die() may come from any thread in the middle of a turn and closes
// the mailbox at once; the actor object is destroyed by retire(), in a turn.
template <typename Message, std::equality_comparable Control>
class ActorCell final : public MailboxReader,
                        public std::enable_shared_from_this<ActorCell<Message, Control>> {
 public:
  using Box = Mailbox<Message, Control>;
  using Ref = ActorRef<Message, Control>;

  ActorCell(const std::shared_ptr<Executor>& executor,
            std::unique_ptr<Actor<Message, Control>> actor, ActorOptions options)
      : executor_(executor),
        options_(at_least_one_message(std::move(options))),
        mailbox_(std::make_shared<Box>(options_.mailbox_capacity)),
        actor_(std::move(actor)) {
    actor_->self_ = Ref(mailbox_);
    actor_->executor_ = executor.get();
  }

  // Any thread, once, right after construction. The first turn calls on_start().
  void start() {
    mailbox_->bind(this->weak_from_this());
    mailbox_->schedule_turn();
  }

  void schedule() override {
    if (const auto executor = executor_.lock()) {
      executor->post(Turn(this->shared_from_this()));
    } else {
      abandon();
    }
  }

  // Any thread. False: it was dead already.
  bool die(DownReason reason, Status status) {
    if (dead_.exchange(true)) return false;
    mailbox_->close();
    if (auto told = std::exchange(options_.on_down, nullptr)) {
      told(Down{options_.name, reason, std::move(status)});
    } else if (reason == DownReason::failed) {
      log::error("{}", status.to_string());  // nobody listens, yet it must not pass unseen
    }
    mailbox_->wake();  // one more turn, to retire
    return true;
  }

  [[nodiscard]] bool dead() const { return dead_; }
  [[nodiscard]] const std::shared_ptr<Box>& mailbox() const { return mailbox_; }
  [[nodiscard]] const std::string& name() const { return options_.name; }

 private:
  // A queued turn. One that is destroyed without having run means that the executor stopped.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<ActorCell> cell) : cell_(std::move(cell)) {}
    Turn(Turn&&) noexcept = default;
    ~Turn() {
      if (cell_) cell_->abandon();
    }
    void operator()() { std::exchange(cell_, nullptr)->run_turn(); }

   private:
    std::shared_ptr<ActorCell> cell_;
  };

  void run_turn() {
    const auto executor = executor_.lock();  // for the length of the turn
    if (!executor) return abandon();
    if (dead_) return retire();
    timer_.cancel();
    if (mailbox_->begin_turn()) progress_at_ = executor->clock().now();
    const std::optional<Wait> wait = guarded_work();
    if (!dead_ && actor_->exit_) end_as_asked();
    if (dead_) return retire();
    rest(*executor, wait);
  }

  std::optional<Wait> guarded_work() {
    try {
      return work();
    } catch (const std::exception& caught) {
      fail(caught.what());
    } catch (...) {
      fail("an exception of unknown type");
    }
    return std::nullopt;
  }

  // Reads until nothing is left, the turn is used up, or the actor blocks or ends.
  std::optional<Wait> work() {
    if (!std::exchange(started_, true)) actor_->on_start();
    for (std::size_t count = 0; count < options_.messages_per_turn && !ending(); ++count) {
      if (read_control()) continue;
      std::optional<Wait> wait = actor_->poll();
      if (ending() || (wait && wait->hold_messages)) return wait;
      std::optional<Message> message = mailbox_->take();
      if (!message) return wait;
      progress_at_ = actor_->now();
      actor_->receive(std::move(*message));
    }
    return ending() ? std::nullopt : actor_->poll();
  }

  bool read_control() {
    std::optional<Control> control = mailbox_->take_control();
    if (!control) return false;
    progress_at_ = actor_->now();
    actor_->receive_control(std::move(*control));
    return true;
  }

  // Another turn now, a timer, or nothing until somebody sends.
  void rest(Executor& executor, const std::optional<Wait>& wait) {
    if (wait) {
      const TimePoint now = executor.clock().now();
      const TimePoint since = std::max(progress_at_, wait->since);
      if (now < since + executor.spin() || wait->again_at <= now) return schedule();
      arm(executor, wait->again_at);
    }
    switch (mailbox_->end_turn(wait.has_value(), wait && wait->hold_messages)) {
      case Box::Next::idle: return;
      case Box::Next::more: return schedule();
      case Box::Next::finished: die(DownReason::stopped, {}); return retire();
    }
  }

  void arm(Executor& executor, TimePoint due) {
    timer_ = executor.run_at(due, [box = std::weak_ptr<Box>(mailbox_)] {
      if (auto mailbox = box.lock()) mailbox->schedule_turn();
    });
  }

  [[nodiscard]] bool ending() const { return dead_ || actor_->exit_.has_value(); }

  void fail(const char* what) {
    die(DownReason::failed, error(StatusCode::internal, "actor {}: {}", options_.name, what));
  }

  void end_as_asked() {
    Status status = *std::exchange(actor_->exit_, std::nullopt);
    const DownReason reason = status.ok() ? DownReason::stopped : DownReason::failed;
    die(reason, std::move(status));
  }

  static ActorOptions at_least_one_message(ActorOptions options) {
    options.messages_per_turn = std::max<std::size_t>(options.messages_per_turn, 1);
    return options;
  }

  // The executor dropped our turn, or is no more: no turn runs now or ever.
  void abandon() {
    die(DownReason::executor_stopped,
        error(StatusCode::unavailable, "actor {}: its executor has stopped", options_.name));
    retire();
  }

  // Leaves the mailbox `scheduled` for good: a retired actor has no turns.
  void retire() {
    timer_.cancel();
    mailbox_->discard();
    actor_.reset();
  }

  const std::weak_ptr<Executor> executor_;  // its queue may own us: no cycle
  ActorOptions options_;
  const std::shared_ptr<Box> mailbox_;
  std::atomic<bool> dead_ = false;

  // Touched in turns only.
  std::unique_ptr<Actor<Message, Control>> actor_;
  TimerHandle timer_;
  TimePoint progress_at_{};
  bool started_ = false;
};

}  // namespace synfire
