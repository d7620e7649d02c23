#include "tools/predictor_loss_fit.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/engine/predictor_eval.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {

Result<std::vector<FittedLayer>> fit_to_loss(const EngineConfig& config, const Windows& held_out,
                                             const std::vector<LayerChoices>& layers,
                                             const PredictorFitOptions& options,
                                             const std::filesystem::path& path) {
  constexpr double kLossOfError = 0.5;  // about, of models that were looked at: where to start
  constexpr int kRounds = 5;
  constexpr double kNearEnough = 0.85, kMostStep = 4;
  const double wanted = *options.max_loss;
  Progress progress("windows");
  SYNFIRE_ASSIGN_OR_RETURN(
      const PredictorEval eval,
      PredictorEval::make(config, held_out,
                          [&](const std::string& what, std::size_t done, std::size_t all) {
                            progress.at(done, all, what);
                          }));
  double error = wanted / kLossOfError;
  std::optional<double> best;  // the greatest error that keeps to the loss
  double least_loss = 1e30, least_error = error;
  for (int round = 0; round < kRounds; ++round) {
    SYNFIRE_RETURN_IF_ERROR(write_predictor(path, choose_layers(layers, error, options), options));
    SYNFIRE_ASSIGN_OR_RETURN(const OperatingPoint point, eval.at(options.type, std::nullopt));
    progress.clear();
    note("round {}: error {:.3g}, loss {:+.3f} % ± {:.3f}, {:.4f} of exact's bytes\n", round + 1,
         error, 100 * point.loss, 100 * point.loss_error, point.ffn_bytes / eval.exact().ffn_bytes);
    if (point.loss <= wanted) best = std::max(best.value_or(0), error);
    if (point.loss < least_loss) {
      least_loss = point.loss;
      least_error = error;
    }
    if (point.loss <= wanted && point.loss >= kNearEnough * wanted) break;
    error *= std::clamp(0.95 * wanted / std::max(point.loss, 1e-9), 1 / kMostStep, kMostStep);
  }
  if (!best)
    note("the loss stays over {:.3f} %: {:.3f} % at the least\n", 100 * wanted, 100 * least_loss);
  std::vector<FittedLayer> chosen = choose_layers(layers, best.value_or(least_error), options);
  SYNFIRE_RETURN_IF_ERROR(write_predictor(path, chosen, options));
  return chosen;
}

}  // namespace synfire::cli
