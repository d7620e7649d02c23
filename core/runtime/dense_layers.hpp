#pragma once

#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/predictor_program.hpp"
#include "core/sparsity/ffn_traffic.hpp"

namespace synfire {

// What a layer's FFN reads; `predictor` 0 but for Prediction::plugin.
[[nodiscard]] FfnBytes ffn_bytes(const Program& program, const GgufFile& model,
                                 const PredictorProgram& predictor, std::uint32_t layer);

// By layer, whether it is faster to compute all neurons than to look for the active ones. Shares of
// active neurons are what `sidecar` (null: none) measured when the predictor was fitted, or what
// the model says (synfire.activity.*); a layer of which neither speaks stays sparse. One whose gate
// rule drops neurons that would add something then loses nothing. For Prediction::exact and
// Prediction::plugin.
[[nodiscard]] Result<std::vector<bool>> find_dense_layers(const Program& program,
                                                          const GgufFile& model,
                                                          const GgufFile* sidecar,
                                                          const PredictorProgram& predictor);

}  // namespace synfire
