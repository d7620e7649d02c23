#pragma once

#include <cstdint>

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

}  // namespace synfire
