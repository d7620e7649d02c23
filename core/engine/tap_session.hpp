#pragma once

#include <future>
#include <utility>
#include <vector>

#include "core/engine/session.hpp"
#include "core/engine/tap_sink.hpp"

namespace synfire {

// Runs tokens for the sake of what the taps see. The sink must live until the result is there.
class TapSession final : public Session {
 public:
  TapSession(RequestId id, std::vector<std::int32_t> tokens, TapSink& sink,
             std::promise<Status> result)
      : Session(id, std::move(tokens)), sink_(sink), result_(std::move(result)) {}

  // A session that nobody finished ends with CANCELLED.
  ~TapSession() override {
    if (!finished_) finish(Status(StatusCode::cancelled, "the engine was shut down"), {});
  }

  [[nodiscard]] std::uint32_t max_tokens() const override { return n_tokens(); }
  // The last one's tell that all is computed.
  [[nodiscard]] bool wants_logits(std::uint32_t index) const override {
    return sink_.wants_logits() || index + 1 == n_tokens();
  }
  void on_taps(std::span<const LayerTap> layers) override { sink_.on_step(layers); }
  [[nodiscard]] bool on_logits(std::span<const float> logits, TimePoint) override {
    if (sink_.wants_logits()) sink_.on_logits(logits);
    return ++n_rows_ == (sink_.wants_logits() ? n_tokens() : 1);
  }
  void finish(const Status& status, TimePoint) override {
    finished_ = true;
    result_.set_value(status);
  }
  void abandon() override { finished_ = true; }

 private:
  TapSink& sink_;
  std::promise<Status> result_;
  std::uint32_t n_rows_ = 0;  // of logits
  bool finished_ = false;
};

}  // namespace synfire
