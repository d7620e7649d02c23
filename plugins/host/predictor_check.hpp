#pragma once

#include <cstdint>

#include "core/base/status.hpp"
#include "plugins/abi/synfire_predictor.h"

namespace synfire::host {

// Whether a predictor's layer can be run as it is described: indices in range, operands as the op
// table says, values written once and before they are read, tensors of known dtype and whole rows.
Status check_predictor_layer(const sf_predictor_layer& layer, std::uint32_t d_model,
                             std::uint32_t d_ff);

}  // namespace synfire::host
