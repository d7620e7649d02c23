#pragma once

#include "plugins/sdk/dtype.hpp"
#include "plugins/sdk/ops.h"

namespace synfire::ops_test {

// How far a backend may be from the reference: |got - want| <= tolerance * (1 + |want|), for data
// whose outputs are of the order of 1. Float weights: another order of a float32 sum. Quantized
// weights: backends may round activations to 8 bits per block, which is 0.4 % of a typical output;
// half floats: both factors to 16 bits of a norm, which is about a rounding to half floats.
inline float tolerance(std::uint32_t op, DType dtype = DType::f32) {
  const bool quantized = dtype_info(dtype).block_size > 1;
  const bool half = dtype == DType::f16 || dtype == DType::bf16;
  switch (op) {
    case SF_OP_LINEAR:
    case SF_OP_NEURON_GATE: return quantized ? 2e-2f : half ? 5e-4f : 1e-5f;
    case SF_OP_SIGN_LINEAR: return 2e-2f;  // activations of 8 bits here too
    case SF_OP_NEURON_FFN: return quantized ? 4e-2f : half ? 1e-3f : 2e-5f;
    case SF_OP_ATTENTION:
      return quantized ? 2e-2f : half ? 1e-3f : 1e-5f;  // `dtype` is the KV cache's
    case SF_OP_ROPE: return 1e-5f;
    case SF_OP_RMS_NORM:
    case SF_OP_LAYER_NORM:
    case SF_OP_ACTIVATE: return 5e-6f;
    default: return 0;  // copies, sums of two, table rows: the same bits
  }
}

}  // namespace synfire::ops_test
