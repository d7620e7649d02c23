#pragma once

#include <filesystem>

#include "core/base/status.hpp"
#include "core/engine/assets.hpp"
#include "core/engine/engine.hpp"

namespace synfire {

// <model>.synfire/predictor-NAME.gguf: what a predictor plugin NAME has beside the model file.
[[nodiscard]] std::filesystem::path predictor_sidecar(const std::filesystem::path& model,
                                                      const std::string& name);

// Fills the predictor's part of assets whose program is there: the plugin opened and asked about
// every layer. Where the configuration says nothing: svd for a model that has its sidecar, exact
// for another of a ReLU family, none for the rest.
Status open_predictor(EngineAssets& assets, const EngineConfig& config);

}  // namespace synfire
