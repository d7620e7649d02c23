#include "backends/cpu/ops/neuron_ffn.hpp"

#include <algorithm>
#include <cmath>

#include "backends/cpu/ops/neuron_ffn_pairs.hpp"
#include "backends/cpu/ops/ops.hpp"
#include "plugins/abi/synfire_predictor.h"

namespace synfire::cpu {
namespace {

// Where all pairs are needed, down rows times more tokens than this are a product of matrices.
constexpr std::uint32_t kFewTokens = 16;

}  // namespace

NeuronFfn::NeuronFfn(CpuDevice& device, const sdk::OpCall& call)
    : device_(device),
      call_(call),
      params_(call.params<sf_neuron_ffn_params>()),
      neurons_(call.neurons()),
      d_model_(neurons_.desc().d_model),
      entries_(device, call),
      rows_(device, neurons_, call.input(0), call.batch().n_tokens),
      down_(device.kernels(), neurons_) {}

// Where the op leaves it to the backend: enough chunks that the last ones to end cost little, few
// enough that their partial sums do. Short rows want more of them, since a chunk begins with rows
// that nobody fetched.
std::uint32_t NeuronFfn::chunk_neurons(std::uint32_t n) const {
  if (params_.chunk_neurons != 0) return params_.chunk_neurons;
  constexpr std::size_t kLeastBytes = 96 * 1024;
  const std::size_t pair_bytes = rows_.bytes(NeuronRow::up) + rows_.bytes(NeuronRow::down);
  const std::size_t least = std::min<std::size_t>(kLeastBytes / pair_bytes, 8 * kTileRows);
  const auto wanted = static_cast<std::uint32_t>(std::max<std::size_t>(n / 16, least));
  const std::uint32_t tiles = (wanted + kTileRows - 1) / kTileRows;
  return std::clamp(tiles * kTileRows, 2 * kTileRows, 16 * kTileRows);
}

void NeuronFfn::find_magnitudes(const std::uint32_t* ids, const float* gates, std::uint32_t n,
                                float* values) const {
  device_.kernels().activate(params_.activation, gates, nullptr, n, values);
  for (std::uint32_t i = 0; i < n; ++i) values[i] = std::fabs(values[i]);
  const float* const weights = neurons_.desc().gate_weights;
  if (weights == nullptr) return;
  for (std::uint32_t i = 0; i < n; ++i) values[i] *= weights[ids[i]];
}

void NeuronFfn::apply_rule(const std::uint32_t* ids, const float* gates, std::uint32_t n,
                           bool* passes) const {
  switch (params_.gate_rule) {
    case SF_GATE_POSITIVE:
      for (std::uint32_t i = 0; i < n; ++i) passes[i] = gates[i] > 0;
      return;
    case SF_GATE_ABS_ABOVE: {
      float magnitudes[kTileRows];
      find_magnitudes(ids, gates, n, magnitudes);
      for (std::uint32_t i = 0; i < n; ++i) passes[i] = magnitudes[i] > params_.gate_threshold;
      return;
    }
    default: std::fill_n(passes, n, true);
  }
}

void neuron_ffn(CpuDevice& device, const sdk::OpCall& call) {
  const std::uint32_t n_tokens = call.batch().n_tokens;
  const bool dense = !call.has_input(1) && !call.has_input(2) &&
                     call.params<sf_neuron_ffn_params>().gate_rule == SF_GATE_NONE;
  if (n_tokens == 0) return;
  if (n_tokens == 1)
    NeuronFfnDecode(device, call).run();
  else if (dense && n_tokens > kFewTokens)
    NeuronFfnDense(device, call).run();
  else
    NeuronFfnPairs(device, call).run();
}

}  // namespace synfire::cpu
