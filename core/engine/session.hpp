#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/status.hpp"
#include "core/engine/request.hpp"
#include "core/engine/tap_sink.hpp"

namespace synfire {

// One sequence on its way through the model: its tokens, and how many of them the devices have
// computed. Everything that a replay would need lives here, none of it on a device. Touched by the
// engine's actor alone.
class Session {
 public:
  Session(RequestId id, std::vector<std::int32_t> prompt)
      : id_(id), tokens_(std::move(prompt)), n_prompt_(n_tokens()) {}
  virtual ~Session() = default;

  [[nodiscard]] RequestId id() const { return id_; }
  [[nodiscard]] std::span<const std::int32_t> tokens() const { return tokens_; }
  [[nodiscard]] std::uint32_t n_tokens() const {
    return static_cast<std::uint32_t>(tokens_.size());
  }
  [[nodiscard]] std::uint32_t n_prompt() const { return n_prompt_; }
  [[nodiscard]] std::uint32_t computed() const { return computed_; }
  void advance(std::uint32_t count) { computed_ += count; }

  // KV slots that it may come to need.
  [[nodiscard]] virtual std::uint32_t max_tokens() const = 0;
  [[nodiscard]] virtual bool wants_logits(std::uint32_t index) const = 0;
  // The first step that computes something of it begins.
  virtual void on_start(TimePoint) {}
  // What was tapped of its tokens of a step, by layer, before their logits; where the engine has
  // taps.
  virtual void on_taps(std::span<const LayerTap> /*layers*/) {}
  // The logits of a token that wanted them, in order. True: the session needs no more steps.
  [[nodiscard]] virtual bool on_logits(std::span<const float> logits, TimePoint now) = 0;
  // The end, exactly once: OK after on_logits said so, an error otherwise.
  virtual void finish(const Status& status, TimePoint now) = 0;
  // It was refused at the door, and whoever asked knows: nobody is told of an end.
  virtual void abandon() = 0;

 protected:
  void append(std::int32_t token) { tokens_.push_back(token); }

 private:
  RequestId id_;
  std::vector<std::int32_t> tokens_;  // prompt and what was generated
  std::uint32_t n_prompt_;
  std::uint32_t computed_ = 0;
};

}  // namespace synfire
