#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <variant>

#include "core/engine/request.hpp"

namespace synfire::cli {

// What one request produces, from the engine's thread to the command's. The time is when the engine
// said it. Grows with what the reader has not taken, at most one request's tokens.
//
// Thread-safe: the engine writes, one thread takes.
class EventQueue final : public RequestSink {
 public:
  struct Event {
    std::variant<TokenEvent, FinishEvent> what;
    TimePoint at;
  };

  void on_token(const TokenEvent& token) override { push(token); }
  void on_finish(const FinishEvent& finish) override { push(finish); }

  // Waits for the next; the FinishEvent is the last.
  [[nodiscard]] Event take() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return !events_.empty(); });
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  template <typename What>
  void push(const What& what) {
    Event event{what, std::chrono::steady_clock::now()};
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    filled_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Event> events_;
};

}  // namespace synfire::cli
