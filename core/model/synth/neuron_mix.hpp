#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/model/synth/base_noise.hpp"
#include "core/model/synth/counter_random.hpp"
#include "core/model/synth/design.hpp"

namespace synfire::synth {

// What makes each neuron of a layer fire: which latent directions, with which signs, above which
// threshold. The gates and the predictor of the layer are both made of it.
//
// Immutable; any thread reads it. `design` and `noise` outlive it.
class NeuronMix {
 public:
  struct Neuron {
    std::array<std::uint32_t, kLatentsPerNeuron> latents;
    std::array<float, kLatentsPerNeuron> weights;  // squares add up to 1
    double threshold;  // deviations of the varying part; positive: seldom active
  };

  NeuronMix(const Design& design, const BaseNoise& noise, CounterRandom random, std::uint32_t layer,
            std::uint32_t d_model);

  [[nodiscard]] Neuron neuron(std::uint64_t index) const;
  // Direction `i`: d_model elements of variance 1.
  [[nodiscard]] std::span<const float> latent(std::uint32_t i) const { return latents_[i]; }
  [[nodiscard]] const Design& design() const { return design_; }
  [[nodiscard]] const BaseNoise& noise() const { return noise_; }
  [[nodiscard]] std::uint32_t layer() const { return layer_; }
  [[nodiscard]] std::uint32_t d_model() const { return d_model_; }

 private:
  const Design& design_;
  const BaseNoise& noise_;
  CounterRandom random_;
  std::uint32_t layer_, d_model_;
  std::vector<std::span<const float>> latents_;
};

}  // namespace synfire::synth
