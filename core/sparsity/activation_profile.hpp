#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace synfire {

// Which neurons of a layer fired for which tokens.
class LayerActivity {
 public:
  LayerActivity(std::uint32_t d_ff, std::uint32_t n_tokens)
      : d_ff_(d_ff), n_tokens_(n_tokens), words_((n_tokens + 63) / 64), fired_(words_ * d_ff) {}

  [[nodiscard]] std::uint32_t d_ff() const { return d_ff_; }
  [[nodiscard]] std::uint32_t n_tokens() const { return n_tokens_; }

  void set(std::uint32_t neuron, std::uint32_t token) {
    fired_[neuron * words_ + token / 64] |= std::uint64_t{1} << token % 64;
  }
  [[nodiscard]] bool fired(std::uint32_t neuron, std::uint32_t token) const {
    return (fired_[neuron * words_ + token / 64] >> token % 64 & 1) != 0;
  }
  // The tokens for which a neuron fired, as bits: t % 64 of word t / 64.
  [[nodiscard]] std::span<const std::uint64_t> tokens(std::uint32_t neuron) const {
    return std::span(fired_).subspan(neuron * words_, words_);
  }
  // Tokens for which a neuron fired, and for which two did.
  [[nodiscard]] std::uint32_t count(std::uint32_t neuron) const { return together(neuron, neuron); }
  [[nodiscard]] std::uint32_t together(std::uint32_t a, std::uint32_t b) const {
    const std::uint64_t* const left = fired_.data() + a * words_;
    const std::uint64_t* const right = fired_.data() + b * words_;
    int sum = 0;
    for (std::size_t w = 0; w < words_; ++w) sum += std::popcount(left[w] & right[w]);
    return static_cast<std::uint32_t>(sum);
  }

 private:
  std::uint32_t d_ff_, n_tokens_;
  std::size_t words_;                 // of a neuron
  std::vector<std::uint64_t> fired_;  // [d_ff, words_]: bit t % 64 of word t / 64
};

// What a model did with a sample of tokens: the planner's traces, from which counts and
// co-activations follow. Layers may have sampled other tokens, but all the same number.
struct ActivationProfile {
  std::vector<LayerActivity> layers;
};

}  // namespace synfire
