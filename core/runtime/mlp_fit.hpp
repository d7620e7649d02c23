#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/predictor_fit.hpp"
#include "core/sparsity/ffn_inputs.hpp"

namespace synfire {

// Trains PowerInfer's predictor of a layer on rows of the residual stream before the FFN's norm.
// One thread; the same rows give the same bytes.
[[nodiscard]] Result<FittedLayer> fit_mlp_layer(const Program& program, const GgufFile& file,
                                                std::uint32_t layer, const FfnInputs& inputs,
                                                const PredictorFitOptions& options);

// A trained predictor of a layer whose operating point is still open: fc1 and fc2 as the sidecar
// would have them, what they say of the rows of mlp_held_out(), and how fc2 takes biases.
struct MlpCandidate {
  FittedLayer layer;
  std::vector<float> seen_scores, unseen_scores;  // [n, d_ff]
  std::function<void(std::vector<float> biases, FittedLayer& layer)> add_biases;
};

// Of inputs that no training sees, as the FFN is given them behind its norm: those to calibrate on
// and those to measure on, by turns.
[[nodiscard]] Result<FfnInputs> mlp_held_out(const Program& program, const GgufFile& file,
                                             std::uint32_t layer, const FfnInputs& inputs);

// Trains as fit_mlp_layer() does, each rank to its end, in each dtype that may pay. `take` says
// whether what it took is worth going on from to wider ones.
Status for_each_mlp(const Program& program, const GgufFile& file, std::uint32_t layer,
                    const FfnInputs& inputs, const PredictorFitOptions& options,
                    const std::function<bool(MlpCandidate)>& take);

}  // namespace synfire
