#pragma once

#include <cstdint>
#include <span>

namespace synfire {

// What is seen of a layer, of the tokens of a step.
struct LayerTap {
  std::span<const float> rows;   // [tokens, d_model]
  std::span<const float> gates;  // [tokens, d_ff]; empty unless EngineConfig::tap_gates
  // [tokens, d_ff], that a predictor selects neurons by; empty too where there is none.
  std::span<const float> scores;
};

// Takes what a tap sees, step by step, on the engine's thread, which waits for it. All is borrowed
// for the call. Whoever overrides on_step() has all layers at once.
class TapSink {
 public:
  virtual ~TapSink() = default;
  virtual void on_rows(std::uint32_t /*layer*/, std::span<const float> /*rows*/) {}
  virtual void on_step(std::span<const LayerTap> layers) {
    for (std::uint32_t layer = 0; layer < layers.size(); ++layer)
      on_rows(layer, layers[layer].rows);
  }
  // Whether it is told the logits of each step's tokens too, after what the taps saw of them.
  [[nodiscard]] virtual bool wants_logits() const { return false; }
  virtual void on_logits(std::span<const float> /*logits*/) {}  // [n_vocab], token by token
};

}  // namespace synfire
