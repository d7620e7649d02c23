#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/runtime/predictor_program.hpp"
#include "plugins/host/predictor.hpp"

namespace synfire {

// What a predictor plugin says about every layer, as a program. Its weights stay the predictor's:
// `predictor` outlives the result. `threshold`, where
// given, replaces the plugin's: of the scores, or of the gates where these decide alone.
[[nodiscard]] Result<PredictorProgram> load_predictor(host::Predictor& predictor,
                                                      std::uint32_t n_layers,
                                                      const double* threshold);

}  // namespace synfire
