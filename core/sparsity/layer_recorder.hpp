#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/sparsity/layer_profile.hpp"

namespace synfire {

// Records what one layer does, window by window: sequences of tokens that have nothing to do with
// each other. What it keeps does not grow with the number of windows. One thread at a time.
class LayerRecorder {
 public:
  // Goes on with what was recorded before.
  explicit LayerRecorder(LayerProfile profile) : profile_(std::move(profile)) {}

  // Inputs of a held-out window take no part in moments and calibration.
  void begin_window(bool held_out);
  // The next tokens of the window: inputs of the FFN [n, d_model], and what decides whether its
  // neurons fire, [n, d_ff] (empty: they all do, always).
  void add(std::span<const float> inputs, std::span<const float> gates);
  void end_window();

  // Between windows.
  [[nodiscard]] const LayerProfile& profile() const { return profile_; }

 private:
  [[nodiscard]] std::span<const std::uint64_t> fired(std::size_t token) const;
  void count_overlaps();
  // Tokens [first, first + n) of the window, n <= 64.
  void add_run(std::size_t first, std::size_t n);

  LayerProfile profile_;
  bool held_out_ = false;
  std::size_t n_tokens_ = 0;           // of the window, whose gates came
  std::vector<std::uint64_t> window_;  // [n_tokens_, words]: bit j of a token: neuron j fired
  std::vector<std::uint64_t> run_;     // [d_ff]: bit t of a neuron: it fired for token t of the run
};

}  // namespace synfire
