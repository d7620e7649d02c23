#include "core/model/synth/predictor_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "plugins/sdk/block_codec.hpp"

namespace synfire::synth {

void HiddenRows::write(std::uint64_t row, std::byte* out) const {
  const std::uint32_t d_model = mix_.d_model();
  static thread_local std::vector<float> values;
  values.assign(d_model, 0.0F);
  if (row < kConstantDims) {
    std::fill_n(values.begin(), kConstantDims, 1.0F / kConstantDims);
  } else if (row < kConstantDims + 2 * units_.pairs()) {
    const auto unit = static_cast<std::uint32_t>(row) - kConstantDims;
    const float* const latent = mix_.latent(unit / 2 % units_.latents).data();
    const float scale = 1 / std::sqrt(static_cast<float>(d_model - kConstantDims));
    for (std::uint32_t c = kConstantDims; c < d_model; ++c)
      values[c] = (unit % 2 == 0 ? scale : -scale) * latent[c];
  }
  quantize_row(dtype_, values.data(), d_model, out);
}

void ScoreRows::write(std::uint64_t row, std::byte* out) const {
  const Design& design = mix_.design();
  const NeuronMix::Neuron neuron = mix_.neuron(row);
  static thread_local std::vector<float> values;
  values.assign(units_.rank, 0.0F);
  std::fill_n(values.begin(), kConstantDims,
              -design.threshold_weight(neuron.threshold - design.predictor_margin, mix_.layer()));
  const auto explained = static_cast<float>(std::sqrt(1 - design.gate_noise));
  for (std::uint32_t i = 0; i < kLatentsPerNeuron; ++i) {
    const std::uint32_t copies = units_.copies(neuron.latents[i]);
    const float weight = explained * neuron.weights[i] / static_cast<float>(copies);
    for (std::uint32_t copy = 0; copy < copies; ++copy) {
      const std::uint32_t unit = units_.positive(neuron.latents[i], copy);
      values[unit] = weight;
      values[unit + 1] = -weight;
    }
  }
  quantize_row(dtype_, values.data(), units_.rank, out);
}

}  // namespace synfire::synth
