#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/activation.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "plugins/sdk/ops.h"

namespace synfire::reference {

// Summed in double, so that the order of the sum does not matter at float precision.
inline double dot(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

inline std::vector<float> decode(DType dtype, const std::byte* row, std::size_t n) {
  std::vector<float> values(n);
  dequantize_row(dtype, row, n, values.data());
  return values;
}

using sdk::activation;

// What a gated neuron multiplies its down row with.
inline float gated(std::uint32_t kind, float gate, float up) {
  return activation(kind, gate) * (kind == SF_ACTIVATION_DRELU ? activation(kind, up) : up);
}

// Whether a gate lets up and down be read. `weight`: the neuron's, of sf_neurons_desc.
inline bool gate_passes(std::uint32_t rule, std::uint32_t kind, float gate, float threshold,
                        float weight) {
  if (rule == SF_GATE_POSITIVE) return gate > 0;
  if (rule == SF_GATE_ABS_ABOVE) return std::fabs(activation(kind, gate)) * weight > threshold;
  return true;
}

}  // namespace synfire::reference
