#include "core/model/synth/design.hpp"

#include <algorithm>
#include <cmath>

#include "core/model/synth/normal.hpp"
#include "plugins/sdk/ops.h"

namespace synfire::synth {
namespace {

// Variance per dimension that all layers together add to the embedding's 1. An attention output is
// smaller the more tokens it averages: the design counts on half.
constexpr double kAttentionVariance = 0.15;
constexpr double kFfnVariance = 0.35;
// Share of the residual stream's squares that is the constant, where the embedding enters.
constexpr double kConstantShare = 0.2;
// Attention scores have about this deviation: neither flat nor on one token alone.
constexpr double kScoreDeviation = 1.5;
constexpr double kThresholdSpread = 0.5;
constexpr double kGateNoise = 0.03;
constexpr double kWantedRecall = 0.97;
// A token's successor stands out by that many deviations of the logits.
constexpr double kSuccessorLogit = 10;
constexpr double kAllActive = -5;  // deviations: a threshold under which no gate falls

// What gates and their predictor lose by quantization, in the variance of a gate.
double quantization_noise(DType dtype) {
  switch (dtype) {
    case DType::q4_0: return 0.05;
    case DType::q4_1: return 0.03;
    default: return 0.001;
  }
}

std::uint32_t activation_of(const Request& request) {
  if (request.silu) return SF_ACTIVATION_SILU;
  return request.family == "arcee" ? SF_ACTIVATION_RELU2 : SF_ACTIVATION_RELU;
}

}  // namespace

std::uint32_t latents_of(const Shape& shape) {
  const std::uint32_t wanted = std::clamp(shape.d_model / 32, 16U, 256U);
  return wanted / kLatentsPerNeuron * kLatentsPerNeuron;
}

Design::Design(const Request& request)
    : activation(activation_of(request)),
      latents(latents_of(request.shape)),
      threshold_spread(request.silu ? 0 : kThresholdSpread),
      gate_noise(kGateNoise) {
  const double d = request.shape.d_model;
  const double layers = request.shape.n_layers;
  constant = std::sqrt(kConstantShare / (1 - kConstantShare) * d / kConstantDims);
  for (std::uint32_t layer = 0; layer < request.shape.n_layers; ++layer)
    varying.push_back(std::sqrt(1 + kAttentionVariance / 2 * (layer + 1) / layers +
                                kFfnVariance * layer / layers));

  // Thresholds of neurons are normal too, so gates are, over neurons and tokens together.
  const double deviation = std::hypot(1, threshold_spread);
  const double share = request.active;
  threshold = request.silu ? 0 : deviation * (share < 1 ? upper_quantile(share) : kAllActive);
  const double unseen = (kGateNoise + quantization_noise(request.dtype)) / (deviation * deviation);
  predictor_margin = deviation * margin_for_recall(kWantedRecall, threshold / deviation, unseen);

  // What a dimension of the normed input has of the varying part, in the middle of the model.
  const double middle = varying[request.shape.n_layers / 2];
  const double squares =
      kConstantDims * constant * constant + middle * middle * (d - kConstantDims);
  const double normed = middle / std::sqrt(squares / d);
  const double unit = 1 / std::sqrt(d);
  qk = static_cast<float>(std::sqrt(kScoreDeviation) / normed * unit);
  v = static_cast<float>(unit);
  const double value = normed;  // deviation of an element of v
  attn_output = static_cast<float>(std::sqrt(kAttentionVariance / layers) / value * unit);
  ffn_in = static_cast<float>(unit);
  const double hidden = mean_square(activation, -threshold * normed, deviation * normed) *
                        (request.family == "arcee" ? 1 : normed * normed);
  ffn_down = static_cast<float>(std::sqrt(kFfnVariance / layers / request.shape.d_ff / hidden));
  output = static_cast<float>(unit);
  matched_output =
      std::min(1.0, kSuccessorLogit * std::sqrt(1 + kAttentionVariance / 2 + kFfnVariance) * unit);
}

float Design::threshold_weight(double t, std::uint32_t layer) const {
  return static_cast<float>(t * varying[layer] / (kConstantDims * constant));
}

}  // namespace synfire::synth
