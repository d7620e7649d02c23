#pragma once

#include <future>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/session.hpp"

namespace synfire {

// Gathers the logits of every given token; for verify and perplexity.
class LogitsSession final : public Session {
 public:
  using Logits = Result<std::vector<float>>;  // [tokens, n_vocab]

  LogitsSession(RequestId id, std::vector<std::int32_t> tokens, std::promise<Logits> result)
      : Session(id, std::move(tokens)), result_(std::move(result)) {}

  // A session that nobody finished ends with CANCELLED.
  ~LogitsSession() override {
    if (!finished_) finish(Status(StatusCode::cancelled, "the engine was shut down"), {});
  }

  [[nodiscard]] std::uint32_t max_tokens() const override { return n_tokens(); }
  [[nodiscard]] bool wants_logits(std::uint32_t) const override { return true; }
  [[nodiscard]] bool on_logits(std::span<const float> logits, TimePoint) override {
    logits_.insert(logits_.end(), logits.begin(), logits.end());
    return ++n_rows_ == n_tokens();
  }
  void finish(const Status& status, TimePoint) override {
    finished_ = true;
    result_.set_value(status.ok() ? Logits(std::move(logits_)) : Logits(status));
  }
  void abandon() override { finished_ = true; }

 private:
  std::promise<Logits> result_;
  std::vector<float> logits_;
  std::uint32_t n_rows_ = 0;
  bool finished_ = false;
};

}  // namespace synfire
