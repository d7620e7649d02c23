#include "core/model/synth/neuron_mix.hpp"

#include <cmath>

namespace synfire::synth {

NeuronMix::NeuronMix(const Design& design, const BaseNoise& noise, CounterRandom random,
                     std::uint32_t layer, std::uint32_t d_model)
    : design_(design), noise_(noise), random_(random.part(1)), layer_(layer), d_model_(d_model) {
  const CounterRandom directions = random.part(0);
  for (std::uint32_t i = 0; i < design.latents; ++i)
    latents_.push_back(noise.cut(directions.bits(i), d_model));
}

// One latent out of each of kLatentsPerNeuron families, so that none comes twice.
NeuronMix::Neuron NeuronMix::neuron(std::uint64_t index) const {
  const CounterRandom random = random_.part(index);
  const std::uint32_t family = design_.latents / kLatentsPerNeuron;
  const float weight = 1 / std::sqrt(static_cast<float>(kLatentsPerNeuron));
  Neuron neuron;
  for (std::uint32_t i = 0; i < kLatentsPerNeuron; ++i) {
    neuron.latents[i] = i * family + random.below(family, i);
    neuron.weights[i] = (random.bits(kLatentsPerNeuron) >> i & 1) != 0 ? weight : -weight;
  }
  const double normal = noise_.cut(random.bits(kLatentsPerNeuron + 1), 1)[0];
  neuron.threshold = design_.threshold + design_.threshold_spread * normal;
  return neuron;
}

}  // namespace synfire::synth
