#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

namespace synfire {

// Of one layer's neurons, over all tokens that were seen.
struct DecisionCounts {
  std::uint64_t tokens = 0;
  std::uint64_t neurons = 0;  // tokens times those of the layer
  std::uint64_t fired = 0, predicted = 0, both = 0;

  DecisionCounts& operator+=(const DecisionCounts& other);
  // Shares; negative where there is nothing to be a share of.
  [[nodiscard]] double recall() const { return share(both, fired); }
  [[nodiscard]] double precision() const { return share(both, predicted); }
  [[nodiscard]] double fired_share() const { return share(fired, neurons); }
  [[nodiscard]] double predicted_share() const { return share(predicted, neurons); }

 private:
  static double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? -1 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

// What an engine did with windows of tokens.
struct DecidedText {
  std::vector<DecisionCounts> layers;
  // By window: the negative log-likelihoods of its tokens but the first, in nats, and how many.
  std::vector<double> nll;
  std::vector<std::uint64_t> scored;
  // Some of the scores that neurons were selected by, of all layers alike.
  std::vector<float> scores;

  [[nodiscard]] double mean_nll() const;
};

// Runs windows, each a sequence of its own, through an engine with tap_gates. All tokens of a step
// choose their neurons each for itself, as they would one by one. `progress` hears of each window
// that is done.
[[nodiscard]] Result<DecidedText> observe_decisions(
    Engine& engine, std::span<const std::vector<std::int32_t>> windows,
    const std::function<void(std::size_t)>& progress);

// Bytes that a token's FFN of a layer reads when it is decoded alone, its predictor included.
[[nodiscard]] double ffn_token_bytes(const LayerSparsity& layer, const DecisionCounts& counts);

}  // namespace synfire
