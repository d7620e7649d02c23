#include "tools/predictor_loss_fit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "tools/output.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

struct Tried {
  std::vector<FittedLayer> layers;
  double error;
  OperatingPoint point;
};

}  // namespace

Result<LossFit> fit_to_loss(const EngineConfig& config, const Windows& held_out,
                            const std::vector<LayerChoices>& layers,
                            const PredictorFitOptions& options, const std::filesystem::path& path) {
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
  std::optional<Tried> best, least;  // that reads least within the loss; that loses least
  std::optional<double> bad;         // the least error that lost more
  for (int round = 0; round < kRounds; ++round) {
    Tried fit{choose_layers(layers, error), error, {}};
    {
      SYNFIRE_ASSIGN_OR_RETURN(GgufWriter file, staged_predictor(path, fit.layers, options));
      SYNFIRE_ASSIGN_OR_RETURN(const std::filesystem::path trial, file.readable());
      SYNFIRE_ASSIGN_OR_RETURN(fit.point, eval.at(options.type, std::nullopt, trial));
    }
    const OperatingPoint& point = fit.point;
    progress.clear();
    note("round {}: error {:.3g}, loss {:+.3f} % ± {:.3f}, {:.4f} of exact's bytes\n", round + 1,
         error, 100 * point.loss, 100 * point.loss_error, point.ffn_bytes / eval.exact().ffn_bytes);
    const double loss = point.loss;
    if (!least || loss < least->point.loss) least = fit;
    if (loss <= wanted && (!best || error > best->error)) best = std::move(fit);
    if (loss <= wanted && loss >= kNearEnough * wanted) break;
    if (loss > wanted) bad = std::min(bad.value_or(error), error);
    // Between what kept to the loss and what did not, else by how far it was from it.
    if (best && bad && best->error < *bad)
      error = std::sqrt(best->error * *bad);
    else
      error *= std::clamp(0.95 * wanted / std::max(loss, 1e-9), 1 / kMostStep, kMostStep);
  }
  if (!best)
    note("the loss stays over {:.3f} %: {:.3f} % at the least\n", 100 * wanted,
         100 * least->point.loss);
  Tried chosen = *std::move(best ? best : least);
  SYNFIRE_RETURN_IF_ERROR(write_predictor(path, chosen.layers, options));
  return LossFit{std::move(chosen.layers), std::move(chosen.point), eval.exact()};
}

}  // namespace synfire::cli
