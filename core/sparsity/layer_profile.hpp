#pragma once

#include <cstdint>

#include "core/sparsity/activity_stats.hpp"
#include "core/sparsity/ffn_inputs.hpp"
#include "core/sparsity/trace_sample.hpp"

namespace synfire {

// All that was recorded of one layer.
struct LayerProfile {
  LayerProfile(std::uint32_t d_model, std::uint32_t d_ff)
      : stats(d_ff), traces(d_ff), inputs(d_model, true) {
    inputs.sums.resize(d_model);
  }

  // Of activations whose gates are never exactly zero these stay empty: all neurons fire, always.
  ActivityStats stats;
  TraceSample traces;
  FfnInputs inputs;
};

}  // namespace synfire
