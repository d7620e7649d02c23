#pragma once

#include <cmath>
#include <cstdint>

#include "plugins/sdk/ops.h"

namespace synfire::sdk {

// act(x) of SF_ACTIVATION_*; of drelu, its part for one of gate and up.
inline float activation(std::uint32_t kind, float x) {
  switch (kind) {
    case SF_ACTIVATION_SILU: return static_cast<float>(x / (1 + std::exp(-static_cast<double>(x))));
    case SF_ACTIVATION_RELU2: return x > 0 ? x * x : 0;
    case SF_ACTIVATION_GELU: return static_cast<float>(x / 2 * (1 + std::erf(x / std::sqrt(2.0))));
    default: return x > 0 ? x : 0;  // relu, drelu
  }
}

}  // namespace synfire::sdk
