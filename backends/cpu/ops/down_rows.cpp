#include "backends/cpu/ops/down_rows.hpp"

#include "backends/cpu/ops/row_dots.hpp"

namespace synfire::cpu {

DownRows::DownRows(const KernelTable& kernels, const sdk::HostNeurons& neurons)
    : kernels_(row_kernels(kernels, static_cast<DType>(neurons.desc().down_dtype))),
      neurons_(neurons) {}

void DownRows::add(const std::uint32_t* neurons, std::uint32_t n, const float* factors,
                   const std::byte* const* next_rows, float* acc) const {
  const std::byte* rows[kTileRows];
  for (std::uint32_t r = 0; r < n; ++r) rows[r] = neurons_.down(neurons[r]);
  kernels_.add(rows, next_rows, n, neurons_.desc().d_model, factors, acc);
}

}  // namespace synfire::cpu
