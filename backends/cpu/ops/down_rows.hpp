#pragma once

#include <cstdint>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "plugins/sdk/host_memory.hpp"

namespace synfire::cpu {

// Down rows of neurons, added with a factor or decoded in slices. F32, F16, BF16 and Q8_0 (what
// model files carry, or are requantized to) have kernels; other dtypes are decoded block by block.
// Every read of a down row goes through here. Any thread.
class DownRows {
 public:
  DownRows(const KernelTable& kernels, const sdk::HostNeurons& neurons);

  // Columns in a slice that decode() can give: a multiple of every block size in use.
  [[nodiscard]] std::uint32_t slice_columns() const;

  // acc[i] += factor * element i of the neuron's row, all d_model of them.
  void add(std::uint32_t neuron, float factor, float* acc) const;
  // Elements first .. first + n of the neuron's row; both multiples of the block size.
  void decode(std::uint32_t neuron, std::uint32_t first, std::uint32_t n, float* values) const;

 private:
  void add_blocks(const std::byte* row, float factor, float* acc) const;

  const KernelTable& kernels_;
  const sdk::HostNeurons& neurons_;
  DType dtype_;
  AddScaledRow add_ = nullptr;  // null for dtypes without kernels
  DecodeRow decode_ = nullptr;
};

}  // namespace synfire::cpu
