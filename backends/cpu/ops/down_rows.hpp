#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "plugins/sdk/host_memory.hpp"

namespace synfire::cpu {

// Down rows of neurons, added with factors or decoded in slices. Every read of a down row goes
// through here. Any thread.
class DownRows {
 public:
  DownRows(const KernelTable& kernels, const sdk::HostNeurons& neurons);

  // Columns in a slice that decode() gives and settle() takes.
  static constexpr std::uint32_t kSliceColumns = kUnit;

  // Some of the slices that a row has.
  struct Slices {
    std::uint32_t first, n;
  };
  // acc += sum of factors[i] times the row of neurons[i], n <= kTileRows of them; acc has
  // accumulator_floats(d_model). `next_rows`: n rows that will be read next, or null.
  void add(const std::uint32_t* neurons, std::uint32_t n, const float* factors,
           const std::byte* const* next_rows, float* acc) const {
    add(neurons, n, {0, units_of(neurons_.desc().d_model)}, factors, next_rows, acc);
  }
  // The same for these slices; acc has kSliceColumns of each.
  void add(const std::uint32_t* neurons, std::uint32_t n, Slices slices, const float* factors,
           const std::byte* const* next_rows, float* acc) const;
  // Where a neuron's row has them, and how many bytes they are.
  [[nodiscard]] const std::byte* address(std::uint32_t neuron, Slices slices) const {
    return neurons_.down(neuron) + slices.first * slice_bytes_;
  }
  [[nodiscard]] std::size_t bytes(Slices slices) const {
    return std::min(slices.n * slice_bytes_, row_bytes_ - slices.first * slice_bytes_);
  }
  // A slice of an accumulator to its columns, those from `first` on.
  void settle(const float* acc, std::uint32_t first, float* columns) const {
    kernels_.settle(acc, neurons_.desc().d_model - first, columns);
  }
  // Elements first .. first + n of the neuron's row; `first` starts a slice.
  void decode(std::uint32_t neuron, std::uint32_t first, std::uint32_t n, float* values) const {
    kernels_.decode(neurons_.down(neuron), neurons_.desc().d_model, first, n, values);
  }

 private:
  const RowKernels& kernels_;
  const sdk::HostNeurons& neurons_;
  std::size_t row_bytes_, slice_bytes_;  // in memory; a row's last slice may be shorter
};

}  // namespace synfire::cpu
