#include "core/engine/predictor_eval.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <utility>

#include "plugins/abi/synfire_predictor.h"

namespace synfire {
namespace {

// Perplexity over exact's, less 1, and the standard error of that: of the difference per token, by
// windows.
void compare(const DecidedText& exact, OperatingPoint& point) {
  const DecidedText& text = point.text;
  const std::size_t n = text.nll.size();
  const double mean = text.mean_nll() - exact.mean_nll();
  point.loss = std::exp(mean) - 1;
  double squares = 0, tokens = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto scored = static_cast<double>(text.scored[i]);
    const double apart = text.nll[i] - exact.nll[i] - mean * scored;
    squares += apart * apart;
    tokens += scored;
  }
  if (n > 1)
    point.loss_error =
        std::sqrt(squares * static_cast<double>(n) / static_cast<double>(n - 1)) / tokens;
}

// The score that a share of them is above.
double threshold_of(std::vector<float> scores, double share) {
  const auto above = static_cast<std::size_t>(share * static_cast<double>(scores.size()));
  if (above >= scores.size()) return -1e30;  // all
  const auto at = scores.begin() + static_cast<std::ptrdiff_t>(above);
  std::nth_element(scores.begin(), at, scores.end(), std::greater<>());
  return *at;
}

}  // namespace

DecisionCounts OperatingPoint::total() const {
  return std::accumulate(
      text.layers.begin(), text.layers.end(), DecisionCounts{},
      [](DecisionCounts sum, const DecisionCounts& layer) { return sum += layer; });
}

Result<PredictorEval> PredictorEval::make(EngineConfig config,
                                          std::span<const std::vector<std::int32_t>> windows,
                                          Progress progress) {
  PredictorEval eval(std::move(config), windows, std::move(progress));
  SYNFIRE_ASSIGN_OR_RETURN(eval.exact_, eval.run("exact", std::nullopt, {}));
  return eval;
}

Result<OperatingPoint> PredictorEval::run(const std::string& predictor,
                                          std::optional<double> threshold,
                                          const std::filesystem::path& file) const {
  EngineConfig config = config_;
  config.predictor_file = file;
  config.predictor = predictor;
  config.predictor_threshold = threshold;
  config.tap = SF_TAP_FFN_INPUT;
  config.tap_gates = true;
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::make(config));
  const std::vector<LayerSparsity> sparsity = engine->placement().sparsity;
  OperatingPoint point;
  for (const LayerSparsity& layer : sparsity)
    if (layer.by == LayerSparsity::By::scores) point.threshold = layer.threshold;
  SYNFIRE_ASSIGN_OR_RETURN(point.text, observe_decisions(*engine, windows_, [&](std::size_t done) {
                             progress_(predictor, done, windows_.size());
                           }));
  for (std::size_t i = 0; i < sparsity.size(); ++i)
    point.layer_bytes.push_back(ffn_token_bytes(sparsity[i], point.text.layers[i]));
  point.ffn_bytes = std::accumulate(point.layer_bytes.begin(), point.layer_bytes.end(), 0.0);
  return point;
}

Result<OperatingPoint> PredictorEval::at(const std::string& predictor,
                                         std::optional<double> threshold,
                                         const std::filesystem::path& file) const {
  SYNFIRE_ASSIGN_OR_RETURN(OperatingPoint point, run(predictor, threshold, file));
  compare(exact_.text, point);
  return point;
}

Result<OperatingPoint> PredictorEval::cheapest(const std::string& predictor, double max_loss,
                                               std::vector<OperatingPoint>& tried) const {
  constexpr int kBisections = 5;
  constexpr double kStep = 1.5;  // from share to share, until one is on the other side
  SYNFIRE_ASSIGN_OR_RETURN(OperatingPoint point, at(predictor, std::nullopt));
  const std::vector<float> scores = point.text.scores;
  if (scores.empty())
    return error(StatusCode::failed_precondition,
                 "predictor {}: all layers run dense, so there is no threshold to choose",
                 predictor);
  double share =
      static_cast<double>(std::count_if(scores.begin(), scores.end(),
                                        [&](float score) { return score > point.threshold; })) /
      static_cast<double>(scores.size());
  double good = 0, bad = 0;  // shares that keep to the loss and that do not; 0: none known
  std::optional<OperatingPoint> best;
  const auto take = [&](OperatingPoint found) {
    const bool keeps = found.loss <= max_loss;
    found.text.scores.clear();
    (keeps ? good : bad) = share;
    tried.push_back(found);
    if (keeps && (!best || found.ffn_bytes < best->ffn_bytes)) best = std::move(found);
  };
  take(std::move(point));
  const auto next = [&]() -> double {
    if (good > 0 && bad > 0) return std::sqrt(good * bad);
    return good > 0 ? good / kStep : std::min(1.0, std::max(bad, 1e-3) * kStep);
  };
  for (int halves = 0; halves < kBisections;) {
    if (good > 0 && bad > 0) ++halves;
    if (bad >= 1 || (good > 0 && good < 1e-4)) break;
    share = next();
    SYNFIRE_ASSIGN_OR_RETURN(OperatingPoint found, at(predictor, threshold_of(scores, share)));
    take(std::move(found));
  }
  if (!best)
    return error(StatusCode::not_found,
                 "predictor {}: perplexity {:+.3f} % at its most careful, want at most {:+.3f} %",
                 predictor, 100 * tried.back().loss, 100 * max_loss);
  return *std::move(best);
}

}  // namespace synfire
