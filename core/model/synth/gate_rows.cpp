#include "core/model/synth/gate_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "plugins/sdk/block_codec.hpp"

namespace synfire::synth {
namespace {

constexpr std::uint32_t kColumns = 8;

}  // namespace

// In one pass over all of them, eight columns at a time for vectors' sake: of a large model's file,
// a quarter is made here.
void GateRows::add_latents(const NeuronMix::Neuron& neuron, float scale, float* values) const {
  std::array<const float*, kLatentsPerNeuron> latents;
  std::array<float, kLatentsPerNeuron> weights;
  for (std::uint32_t i = 0; i < kLatentsPerNeuron; ++i) {
    latents[i] = mix_.latent(neuron.latents[i]).data();
    weights[i] = scale * neuron.weights[i];
  }
  for (std::uint32_t c = 0; c < mix_.d_model(); c += kColumns) {
    float sums[kColumns];
    for (std::uint32_t k = 0; k < kColumns; ++k) sums[k] = values[c + k];
    for (std::uint32_t i = 0; i < kLatentsPerNeuron; ++i)
      for (std::uint32_t k = 0; k < kColumns; ++k) sums[k] += weights[i] * latents[i][c + k];
    for (std::uint32_t k = 0; k < kColumns; ++k) values[c + k] = sums[k];
  }
}

void GateRows::write(std::uint64_t row, std::byte* out) const {
  const Design& design = mix_.design();
  const std::uint32_t d_model = mix_.d_model();
  // The constant dimensions carry none of the sum: the others' share grows to make up for them.
  const double scale = 1 / std::sqrt(static_cast<double>(d_model - kConstantDims));
  const auto noise_scale = static_cast<float>(scale * std::sqrt(design.gate_noise));
  const float* const noise = mix_.noise().cut(random_.bits(row), d_model).data();
  static thread_local std::vector<float> values;
  values.resize(d_model);
  for (std::uint32_t c = 0; c < d_model; ++c) values[c] = noise_scale * noise[c];
  const NeuronMix::Neuron neuron = mix_.neuron(row);
  add_latents(neuron, static_cast<float>(scale * std::sqrt(1 - design.gate_noise)), values.data());
  std::fill_n(values.begin(), kConstantDims,
              -design.threshold_weight(neuron.threshold, mix_.layer()));
  quantize_row(dtype_, values.data(), d_model, out);
}

}  // namespace synfire::synth
