#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "core/engine/observe_decisions.hpp"

namespace synfire {

// A predictor at one threshold, on a text.
struct OperatingPoint {
  double threshold = 0;  // of scores
  DecidedText text;
  std::vector<double> layer_bytes;  // that a token's FFN reads, its predictor included
  double ffn_bytes = 0;             // of all layers
  double loss = 0;                  // of perplexity, against exact: 0.001 is 0.1 %
  double loss_error = 0;            // its standard error, windows taken as independent

  [[nodiscard]] DecisionCounts total() const;
};

// Measures predictors against computing exactly what fires, on the same windows of tokens. Makes an
// engine for each point, one after another.
class PredictorEval {
 public:
  using Progress = std::function<void(const std::string& what, std::size_t done, std::size_t all)>;

  // The exact run comes first. `config`: its predictor, threshold and tap do not matter. All is
  // borrowed but the config. An error for activations other than those of the ReLU family, whose
  // neurons never rest.
  [[nodiscard]] static Result<PredictorEval> make(
      EngineConfig config, std::span<const std::vector<std::int32_t>> windows, Progress progress);

  [[nodiscard]] const OperatingPoint& exact() const { return exact_; }
  // No threshold: the predictor's own. No file: the one beside the model.
  [[nodiscard]] Result<OperatingPoint> at(const std::string& predictor,
                                          std::optional<double> threshold,
                                          const std::filesystem::path& file = {}) const;
  // The point that reads least of those whose loss is at most `max_loss`, found by bisection over
  // the share of neurons that are predicted. The points that were tried go to `tried`. NOT_FOUND
  // where even the most careful one loses more.
  [[nodiscard]] Result<OperatingPoint> cheapest(const std::string& predictor, double max_loss,
                                                std::vector<OperatingPoint>& tried) const;

 private:
  PredictorEval(EngineConfig config, std::span<const std::vector<std::int32_t>> windows,
                Progress progress)
      : config_(std::move(config)), windows_(windows), progress_(std::move(progress)) {}
  [[nodiscard]] Result<OperatingPoint> run(const std::string& predictor,
                                           std::optional<double> threshold,
                                           const std::filesystem::path& file) const;

  EngineConfig config_;
  std::span<const std::vector<std::int32_t>> windows_;
  Progress progress_;
  OperatingPoint exact_;
};

}  // namespace synfire
