#pragma once

#include <algorithm>
#include <array>
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
        gate_kernels_(neurons.gated() ? &row_kernels(device.kernels(), gate_dtype_) : nullptr),
        up_kernels_(&row_kernels(device.kernels(), up_dtype_)),
        bytes_{neurons.gated() ? packed_stride(gate_dtype_, d_model_) : 0,
               packed_stride(up_dtype_, d_model_),
               packed_stride(static_cast<DType>(neurons.desc().down_dtype), d_model_)},
        x_(prepare_activations(device, x, n_tokens, d_model_, wanted())) {}

  // out[i * kTileRows + r] = dot(row of neurons[r], token tokens[i]); n <= kTileRows neurons. The
  // deciding rows' has the neuron's bias.
  // `next_rows`: n rows that will be read next, or null.
  void dot(NeuronRow which, const std::uint32_t* neurons, std::uint32_t n,
           const std::byte* const* next_rows, const std::uint32_t* tokens, std::uint32_t n_tokens,
           float* out) const {
    const std::byte* rows[kTileRows];
    name(which, neurons, n, n, rows);
    kernels(which).dot(rows, next_rows, n, d_model_, x_, tokens, n_tokens, out);
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
    return bytes_[static_cast<std::size_t>(which)];
  }

  // What to fetch beside the rows of n neurons, after which those of `next` are read; null where
  // there is nothing. A single token's rows that follow each other are fetched as far ahead as is
  // best for them, all others a tile.
  const std::byte* const* ahead(NeuronRow which, const std::uint32_t* neurons, std::uint32_t n,
                                const std::uint32_t* next, std::uint32_t n_next,
                                std::uint32_t n_tokens, const std::byte** pieces) const {
    if (n_tokens == 1 && are_in_line(which, neurons, n)) {
      const std::byte* const first = address(which, neurons[0]);
      const std::size_t end = n * bytes(which);
      const std::size_t distance = bytes_ahead(kernels(which), bytes(which));
      for (std::uint32_t r = 0; r < n; ++r) {
        const std::size_t at = r * bytes(which) + distance;
        pieces[r] = at < end      ? first + at
                    : n_next != 0 ? address(which, next[0]) + (at - end)
                                  : first + r * bytes(which);
      }
      return pieces;
    }
    if (n_next == 0) return nullptr;
    name(which, next, n_next, n, pieces);
    return pieces;
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
  [[nodiscard]] const RowKernels& kernels(NeuronRow which) const {
    return *(which == NeuronRow::gate ? gate_kernels_ : up_kernels_);
  }
  // Whether rows follow each other in memory. n >= 1.
  [[nodiscard]] bool are_in_line(NeuronRow which, const std::uint32_t* neurons,
                                 std::uint32_t n) const {
    return neurons[n - 1] - neurons[0] == n - 1 &&
           address(which, neurons[n - 1]) ==
               address(which, neurons[0]) + std::size_t{n - 1} * bytes(which);
  }
  [[nodiscard]] QuantsWanted wanted() const {
    QuantsWanted wanted;
    if (neurons_.gated()) wanted.add(gate_dtype_);
    wanted.add(up_dtype_);
    return wanted;
  }

  const sdk::HostNeurons& neurons_;
  std::uint32_t d_model_;
  DType gate_dtype_, up_dtype_;
  const RowKernels *gate_kernels_, *up_kernels_;  // no gates: null
  std::array<std::size_t, 3> bytes_;              // by NeuronRow
  Activations x_;
};

inline std::uint32_t count_resident(const sdk::HostNeurons& neurons) {
  const std::span<const std::uint32_t> groups = neurons.resident();
  if (groups.empty()) return 0;
  return (static_cast<std::uint32_t>(groups.size()) - 1) * neurons.desc().group_size +
         neurons.group_neurons(groups.back());  // of all, the last one alone may be shorter
}

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
