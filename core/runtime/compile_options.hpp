#pragma once

#include <cstdint>

namespace synfire {

// Not what a predictor looks at, but what comes of it. Of every layer two values, [tokens, d_ff]
// each: the gates of all neurons, which say what fires, and the scores that neurons are selected
// by. Those are the gates again where there is no plugin, or where the layer runs dense.
inline constexpr std::uint32_t kTapDecisions = 1U << 16;

// How a plan is made, but for who gets what.
struct CompileOptions {
  std::uint32_t n_devices = 1;
  std::uint32_t ffn_chunk = 0;  // neurons per partial sum; 0 = the backend's constant
  // SF_TAP_*, or kTapDecisions: what the host reads of every layer; 0: nothing.
  std::uint32_t tap = 0;
};

}  // namespace synfire
