#pragma once

#include <cstdint>
#include <span>

namespace synfire {

// Takes what a tap sees of every layer: for each step's tokens, layer after layer, rows [tokens,
// d_model]; of kTapDecisions at 2 * layer the gates and at 2 * layer + 1 the scores, [tokens,
// d_ff]. After them the logits of those tokens, where they are wanted. All is borrowed for the
// call.
class TapSink {
 public:
  virtual ~TapSink() = default;
  virtual void on_rows(std::uint32_t layer, std::span<const float> rows) = 0;
  [[nodiscard]] virtual bool wants_logits() const { return false; }
  virtual void on_logits(std::span<const float> /*logits*/) {}  // [n_vocab], token by token
};

}  // namespace synfire
