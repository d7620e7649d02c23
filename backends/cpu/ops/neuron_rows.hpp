#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "backends/cpu/packed_rows.hpp"

namespace synfire::cpu {

// The rows of a neuron; dot products are made with the first two.
enum class NeuronRow { gate, up, down };

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
        gate_dot_(neurons.gated() ? row_kernels(device.kernels(), gate_dtype_).dot : nullptr),
        up_dot_(row_kernels(device.kernels(), up_dtype_).dot),
        x_(prepare_activations(device, x, n_tokens, d_model_, wanted())) {}

  // out[i * kTileRows + r] = dot(row of neurons[r], token tokens[i]); n <= kTileRows neurons. The
  // deciding rows' has the neuron's bias.
  // `next_rows`: n rows that will be read next, or null.
  void dot(NeuronRow which, const std::uint32_t* neurons, std::uint32_t n,
           const std::byte* const* next_rows, const std::uint32_t* tokens, std::uint32_t n_tokens,
           float* out) const {
    const std::byte* rows[kTileRows];
    name(which, neurons, n, n, rows);
    const DotRows kernel = which == NeuronRow::gate ? gate_dot_ : up_dot_;
    kernel(rows, next_rows, n, d_model_, x_, tokens, n_tokens, out);
    if (neurons_.desc().bias == nullptr || which != deciding()) return;
    for (std::uint32_t t = 0; t < n_tokens; ++t)
      for (std::uint32_t r = 0; r < n; ++r) out[t * kTileRows + r] += neurons_.bias(neurons[r]);
  }

  // The rows of n neurons, filled up to `room` with the last one. n >= 1.
  void name(NeuronRow which, const std::uint32_t* neurons, std::uint32_t n, std::uint32_t room,
            const std::byte** rows) const {
    for (std::uint32_t r = 0; r < room; ++r) rows[r] = address(which, neurons[std::min(r, n - 1)]);
  }
  [[nodiscard]] const std::byte* address(NeuronRow which, std::uint32_t neuron) const {
    return which == NeuronRow::gate ? neurons_.gate(neuron)
           : which == NeuronRow::up ? neurons_.up(neuron)
                                    : neurons_.down(neuron);
  }
  // Of a row in memory.
  [[nodiscard]] std::size_t bytes(NeuronRow which) const {
    const sf_neurons_desc& desc = neurons_.desc();
    const std::uint32_t dtype = which == NeuronRow::gate ? desc.gate_dtype
                                : which == NeuronRow::up ? desc.up_dtype
                                                         : desc.down_dtype;
    return packed_stride(static_cast<DType>(dtype), d_model_);
  }

  // Brings a row nearer, for whoever begins to read without a kernel that did so.
  void fetch(NeuronRow which, std::uint32_t neuron) const {
    const std::byte* const row = address(which, neuron);
    for (std::size_t line = 0; line < bytes(which); line += 64)
      __builtin_prefetch(row + line, 0, 2);
  }

  // Whether all dots of some rows with all tokens cost no more than `pairs` of them one by one.
  // Half floats are multiplied in blocks of tokens, so all cost what a few do; tiles make eight
  // products in the time of one that is alone, if rows fill them.
  [[nodiscard]] bool all_at_once(NeuronRow which, std::uint32_t n_rows, std::uint32_t n_tokens,
                                 std::uint32_t pairs) const {
    const DType dtype = which == NeuronRow::gate ? gate_dtype_ : up_dtype_;
    if (dtype == DType::f16 && x_.wide_quants != nullptr) return true;
    if (dtype == DType::bf16 && (x_.wide_quants != nullptr || x_.halves != nullptr)) return true;
    const bool tiles = x_.tile_quants != nullptr && 2 * n_rows >= kTileRows;
    return pairs * (tiles ? 8 : 2) >= n_rows * n_tokens;
  }

  // The row that decides whether a neuron fires.
  [[nodiscard]] NeuronRow deciding() const {
    return neurons_.gated() ? NeuronRow::gate : NeuronRow::up;
  }

 private:
  [[nodiscard]] QuantsWanted wanted() const {
    QuantsWanted wanted;
    if (neurons_.gated()) wanted.add(gate_dtype_);
    wanted.add(up_dtype_);
    return wanted;
  }

  const sdk::HostNeurons& neurons_;
  std::uint32_t d_model_;
  DType gate_dtype_, up_dtype_;
  DotRows gate_dot_, up_dot_;
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
