#include "core/engine/observe_decisions.hpp"

#include <numeric>
#include <utility>

#include "core/runtime/sampling/logprobs.hpp"

namespace synfire {
namespace {

constexpr std::size_t kScoresEvery = 61;      // one of so many is kept; a prime, so of all neurons
constexpr std::size_t kMaxScores = 4U << 20;  // in all

class Watcher final : public TapSink {
 public:
  Watcher(std::vector<LayerSparsity> sparsity, std::uint32_t d_ff, DecidedText& text)
      : sparsity_(std::move(sparsity)), d_ff_(d_ff), text_(text) {
    text_.layers.resize(sparsity_.size());
  }

  void start(std::span<const std::int32_t> window) {
    window_ = window;
    next_ = 1;
    text_.nll.push_back(0);
    text_.scored.push_back(0);
  }
  [[nodiscard]] const Status& status() const { return status_; }

  void on_step(std::span<const LayerTap> layers) override {
    for (std::size_t i = 0; i < layers.size(); ++i) count(i, layers[i]);
  }
  [[nodiscard]] bool wants_logits() const override { return true; }
  void on_logits(std::span<const float> logits) override {
    const std::size_t next = next_++;
    if (next >= window_.size() || !status_.ok()) return;
    const Result<double> nll = negative_log_likelihood(logits, window_[next]);
    if (!nll.ok()) {
      status_ = nll.status();
      return;
    }
    text_.nll.back() += *nll;
    ++text_.scored.back();
  }

 private:
  void count(std::size_t layer, const LayerTap& tap) {
    const bool by_scores = sparsity_[layer].by == LayerSparsity::By::scores;
    const auto threshold = static_cast<float>(sparsity_[layer].threshold);
    for (std::size_t at = 0; at < tap.gates.size(); at += d_ff_) {
      std::uint32_t fired = 0, predicted = 0, both = 0;
      for (std::size_t i = at; i < at + d_ff_; ++i) {
        const std::uint32_t fires = tap.gates[i] > 0 ? 1 : 0;
        const std::uint32_t is_predicted = !by_scores || tap.scores[i] > threshold ? 1 : 0;
        fired += fires;
        predicted += is_predicted;
        both += fires & is_predicted;
      }
      text_.layers[layer] += {1, d_ff_, fired, predicted, both};
    }
    if (by_scores) keep(tap.scores);
  }

  void keep(std::span<const float> scores) {
    for (; kept_at_ < scores.size(); kept_at_ += kScoresEvery)
      if (text_.scores.size() < kMaxScores) text_.scores.push_back(scores[kept_at_]);
    kept_at_ -= scores.size();
  }

  std::vector<LayerSparsity> sparsity_;
  std::uint32_t d_ff_;
  DecidedText& text_;
  std::span<const std::int32_t> window_;
  std::size_t next_ = 0;  // the token that the next logits are about
  std::size_t kept_at_ = 0;
  Status status_;
};

}  // namespace

DecisionCounts& DecisionCounts::operator+=(const DecisionCounts& other) {
  tokens += other.tokens;
  neurons += other.neurons;
  fired += other.fired;
  predicted += other.predicted;
  both += other.both;
  return *this;
}

double DecidedText::mean_nll() const {
  return std::accumulate(nll.begin(), nll.end(), 0.0) /
         static_cast<double>(std::accumulate(scored.begin(), scored.end(), std::uint64_t{0}));
}

Result<DecidedText> observe_decisions(Engine& engine,
                                      std::span<const std::vector<std::int32_t>> windows,
                                      const std::function<void(std::size_t)>& progress) {
  DecidedText text;
  Watcher watcher(engine.placement().sparsity, engine.model().d_ff, text);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    watcher.start(windows[i]);
    SYNFIRE_RETURN_IF_ERROR(engine.observe(windows[i], watcher));
    SYNFIRE_RETURN_IF_ERROR(watcher.status());
    progress(i + 1);
  }
  if (std::accumulate(text.scored.begin(), text.scored.end(), std::uint64_t{0}) == 0)
    return invalid_argument("{} windows of tokens, want one of 2 tokens or more", windows.size());
  return text;
}

double ffn_token_bytes(const LayerSparsity& layer, const DecisionCounts& counts) {
  const FfnBytes& bytes = layer.bytes;
  const double deciding = bytes.gate > 0 ? bytes.gate : bytes.up;
  const double up = bytes.gate > 0 ? bytes.up : 0;
  if (layer.by == LayerSparsity::By::all) return deciding + up + bytes.down;
  const double active = static_cast<double>(layer.verified ? counts.both : counts.predicted) /
                        static_cast<double>(counts.neurons);
  const double rest = active * (up + bytes.down_apart);
  if (layer.by == LayerSparsity::By::gates) return deciding + rest;
  return bytes.predictor + counts.predicted_share() * deciding + rest;
}

}  // namespace synfire
