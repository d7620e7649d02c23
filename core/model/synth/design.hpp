#pragma once

#include <cstdint>
#include <vector>

#include "core/model/synth/synth_request.hpp"

namespace synfire::synth {

// The residual stream's first dimensions hold one constant, in a quantization block of their own.
// Gates get their threshold from it: these models have no bias tensors. Nothing but the embedding
// writes there.
inline constexpr std::uint32_t kConstantDims = 32;

// A gate row is a mix of this many latent directions, plus noise.
inline constexpr std::uint32_t kLatentsPerNeuron = 8;

// Latent directions of a layer: what the gate matrix's rank comes to, but for noise and threshold.
[[nodiscard]] std::uint32_t latents_of(const Shape& shape);

// The scales of a synthetic model: every number here is a standard deviation or a size, chosen so
// that the residual stream stays of the order of 1, half of it the token's own embedding at the
// end, and the wanted share of gates is positive in every layer.
//
// x = constant (kConstantDims dims) + a part of deviation s_l per dim that varies with the token.
// Both are divided by the same root mean square in the FFN norm, so a gate is positive where its
// row's dot product with the varying part exceeds threshold * s_l: a number of this design,
// whatever the norm.
struct Design {
  explicit Design(const Request& request);

  // The weight on each constant dimension that makes a gate's threshold `t` deviations in a layer.
  [[nodiscard]] float threshold_weight(double t, std::uint32_t layer) const;

  std::uint32_t activation;     // SF_ACTIVATION_*
  std::uint32_t latents;        // of a layer
  double constant;              // in each constant dimension of the residual stream
  std::vector<double> varying;  // s_l at the FFN's input, by layer
  double threshold;             // of a typical neuron
  double threshold_spread;      // deviation of thresholds over neurons: hot and cold ones
  double gate_noise;            // share of a gate row's variance that no latent explains
  double predictor_margin;      // by which predictors ask for less than the gates
  float qk, v, attn_output, ffn_in, ffn_down, output;  // deviations of the matrices' elements
  double matched_output;  // share of an output row that is the embedding of the token before it
};

}  // namespace synfire::synth
