#pragma once

#include <filesystem>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "core/engine/predictor_eval.hpp"
#include "core/runtime/layer_choices.hpp"
#include "core/runtime/predictor_fit.hpp"
#include "tools/text_windows.hpp"

namespace synfire::cli {

// What was chosen, and what it does on windows held out from the fit.
struct LossFit {
  std::vector<FittedLayer> layers;
  OperatingPoint point, exact;
};

// Chooses among the layers' predictors until the perplexity that is lost on the windows is what the
// options allow, or somewhat less. What it chose is in the sidecar file `path`, where engines look
// for it; what it tries never is.
[[nodiscard]] Result<LossFit> fit_to_loss(const EngineConfig& config, const Windows& held_out,
                                          const std::vector<LayerChoices>& layers,
                                          const PredictorFitOptions& options,
                                          const std::filesystem::path& path);

}  // namespace synfire::cli
