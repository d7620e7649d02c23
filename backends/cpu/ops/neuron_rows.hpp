#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/ops/row_dots.hpp"

namespace synfire::cpu {

// Which rows of a layer's neurons a dot product is made with.
enum class NeuronRow { gate, up };

// Dot products of rows of resident neurons with tokens. Every read of a gate or up row by the
// neuron ops goes through here. Members of the team may call at the same time, each with its own
// scratch.
class NeuronRows {
 public:
  // The rows named are those that will be asked for; x is the FFN's input.
  NeuronRows(CpuDevice& device, const sdk::HostNeurons& neurons, const float* x,
             std::uint32_t n_tokens)
      : neurons_(neurons),
        d_model_(neurons.desc().d_model),
        gate_dtype_(static_cast<DType>(neurons.desc().gate_dtype)),
        up_dtype_(static_cast<DType>(neurons.desc().up_dtype)),
        gate_dot_(neurons.gated() ? dot_of(device.kernels(), gate_dtype_) : nullptr),
        up_dot_(dot_of(device.kernels(), up_dtype_)),
        x_(prepare_activations(
            device, x, n_tokens, d_model_,
            wants_quants(up_dtype_) || (neurons.gated() && wants_quants(gate_dtype_)))) {}

  // Per member.
  [[nodiscard]] std::size_t scratch_bytes() const { return dot_scratch_bytes(d_model_); }

  // out[i * kTileRows + r] = dot(row of neurons[r], token tokens[i]); n <= kTileRows neurons. Rows
  // of the n_next neurons that come after these are fetched ahead.
  void dot(NeuronRow which, const std::uint32_t* neurons, std::uint32_t n, std::uint32_t n_next,
           const std::uint32_t* tokens, std::uint32_t n_tokens, float* out,
           std::byte* scratch) const {
    const std::byte* rows[kTileRows];
    const std::byte* next_rows[kTileRows];
    name_rows(which, neurons, n, rows);
    if (n_next != 0) name_rows(which, neurons + n, std::min(n_next, kTileRows), next_rows);
    const DotTile tile = which == NeuronRow::gate ? gate_dot_ : up_dot_;
    tile(rows, n_next == 0 ? nullptr : next_rows, d_model_, x_, tokens, n_tokens, out, scratch);
  }

  // The row that decides whether a neuron fires.
  [[nodiscard]] NeuronRow deciding() const {
    return neurons_.gated() ? NeuronRow::gate : NeuronRow::up;
  }

 private:
  void name_rows(NeuronRow which, const std::uint32_t* neurons, std::uint32_t n,
                 const std::byte** rows) const {
    for (std::uint32_t r = 0; r < kTileRows; ++r) {
      const std::uint32_t neuron = neurons[std::min(r, n - 1)];
      rows[r] = which == NeuronRow::gate ? neurons_.gate(neuron) : neurons_.up(neuron);
    }
  }

  const sdk::HostNeurons& neurons_;
  std::uint32_t d_model_;
  DType gate_dtype_, up_dtype_;
  DotTile gate_dot_, up_dot_;
  Activations x_;
};

// Resident neurons in rising order, in the workspace; the number is returned.
inline std::uint32_t list_resident(CpuDevice& device, const sdk::HostNeurons& neurons,
                                   std::uint32_t** ids) {
  *ids = device.workspace().get<std::uint32_t>(
      Workspace::ids, neurons.resident().size() * std::size_t{neurons.desc().group_size});
  std::uint32_t n = 0;
  for (const std::uint32_t group : neurons.resident())
    for (std::uint32_t i = 0; i < neurons.group_neurons(group); ++i)
      (*ids)[n++] = neurons.first_neuron(group) + i;
  return n;
}

}  // namespace synfire::cpu
