#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "core/actor/ring_buffer.hpp"

namespace synfire {

enum class SendResult { ok, full, closed };

// For actors that need no control lane of their own.
struct NoControl {
  friend bool operator==(const NoControl&, const NoControl&) = default;
};

// Who reads a mailbox. schedule() is called by any thread when the mailbox gets something to do and
// no turn of the reader is under way or waiting; the reader then calls begin_turn() ... end_turn().
class MailboxReader {
 public:
  virtual void schedule() = 0;

 protected:
  ~MailboxReader() = default;
};

// One actor's mailbox: two bounded lanes, many senders, one reader.
//
// Messages: capacity fixed at construction; a full mailbox refuses; it never grows and never blocks
// the sender. A refused message stays with the sender, not moved from.
// Control (cancel, stop, down): always accepted while open, and read first. It is bounded because
// equal control messages coalesce: one that is still waiting to be read is not stored twice, so the
// lane holds at most one entry per different thing that senders can say (one cancel per live
// request, one stop, one down per monitored actor).
//
// Thread-safe: the senders' half from anywhere; the reader's half only within the reader's turn.
// Holds its reader weakly, so a mailbox outlives its actor and answers `closed`.
template <typename Message, std::equality_comparable Control = NoControl>
class Mailbox {
 public:
  enum class Next { idle, more, finished };

  explicit Mailbox(std::size_t capacity) : capacity_(capacity), messages_(capacity) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Once, before the mailbox is shown to any other thread.
  void bind(std::weak_ptr<MailboxReader> reader) { reader_ = std::move(reader); }

  // --- Senders ---

  // `ok` means accepted, not read: an actor that dies drops what it has not read, and its death is
  // told to its supervisor.
  [[nodiscard]] SendResult try_send(Message&& message) {
    std::unique_lock lock(mutex_);
    if (closed_) return SendResult::closed;
    if (!messages_.push(std::move(message))) return SendResult::full;
    request_turn(lock);
    return SendResult::ok;
  }

  // ok or closed, never full.
  SendResult send_control(Control control) {
    std::unique_lock lock(mutex_);
    if (closed_) return SendResult::closed;
    if (std::find(controls_.begin(), controls_.end(), control) == controls_.end()) {
      controls_.push_back(std::move(control));
    }
    request_turn(lock);
    return SendResult::ok;
  }

  // Asks for a turn of the reader although nothing was sent: an event that it waits for came true.
  void wake() {
    std::unique_lock lock(mutex_);
    woken_ = true;
    request_turn(lock);
  }

  // From here on senders get `closed`; what was accepted stays readable. True for the first caller.
  bool close() {
    std::unique_lock lock(mutex_);
    if (std::exchange(closed_, true)) return false;
    request_turn(lock);
    return true;
  }

  [[nodiscard]] bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }
  [[nodiscard]] std::size_t size() const {
    std::lock_guard lock(mutex_);
    return messages_.size();
  }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  // --- Reader ---

  // Whether wake() was called since the last turn began.
  bool begin_turn() {
    std::lock_guard lock(mutex_);
    return std::exchange(woken_, false);
  }

  std::optional<Message> take() {
    std::lock_guard lock(mutex_);
    return messages_.pop();
  }

  std::optional<Control> take_control() {
    std::lock_guard lock(mutex_);
    if (controls_.empty()) return std::nullopt;
    std::optional<Control> control(std::move(controls_.front()));
    controls_.pop_front();
    return control;
  }

  // Ends a turn. `waiting`: the reader waits for something else than messages, so it is not
  // finished though the mailbox be closed and empty. `hold_messages`: it would not read messages
  // now, so they are no reason for another turn. After `more` the turn goes on: the reader
  // schedules itself.
  Next end_turn(bool waiting = false, bool hold_messages = false) {
    std::lock_guard lock(mutex_);
    const bool readable = !controls_.empty() || (!hold_messages && !messages_.empty());
    if (readable || woken_) return Next::more;
    if (closed_ && !waiting && messages_.empty()) return Next::finished;
    scheduled_ = false;
    return Next::idle;
  }

  // Asks for a turn without counting as a wake (a timer of the reader's own).
  void schedule_turn() {
    std::unique_lock lock(mutex_);
    request_turn(lock);
  }

  // Drops what nobody will read any more. Their destructors run outside the lock.
  void discard() {
    RingBuffer<Message> messages(0);
    std::deque<Control> controls;
    std::lock_guard lock(mutex_);
    std::swap(messages, messages_);
    std::swap(controls, controls_);
  }

 private:
  // idle -> scheduled, and the reader is told after the lock is gone.
  void request_turn(std::unique_lock<std::mutex>& lock) {
    if (std::exchange(scheduled_, true)) return;
    lock.unlock();
    if (auto reader = reader_.lock()) reader->schedule();
  }

  const std::size_t capacity_;
  std::weak_ptr<MailboxReader> reader_;
  mutable std::mutex mutex_;
  RingBuffer<Message> messages_;
  std::deque<Control> controls_;
  bool scheduled_ = false;  // a turn is queued or under way
  bool woken_ = false;
  bool closed_ = false;
};

}  // namespace synfire
