#include "backends/cpu/ops/down_rows.hpp"

#include <algorithm>

#include "backends/cpu/ops/row_dots.hpp"
#include "backends/cpu/packed_rows.hpp"

namespace synfire::cpu {

DownRows::DownRows(const KernelTable& kernels, const sdk::HostNeurons& neurons)
    : kernels_(row_kernels(kernels, static_cast<DType>(neurons.desc().down_dtype))),
      neurons_(neurons),
      row_bytes_(
          packed_stride(static_cast<DType>(neurons.desc().down_dtype), neurons.desc().d_model)),
      slice_bytes_(packed_stride(static_cast<DType>(neurons.desc().down_dtype), kSliceColumns)) {}

void DownRows::add(const std::uint32_t* neurons, std::uint32_t n, Slices slices,
                   const float* factors, const std::byte* const* next_rows, float* acc) const {
  const std::byte* rows[kTileRows];
  for (std::uint32_t r = 0; r < n; ++r) rows[r] = address(neurons[r], slices);
  const std::uint32_t columns =
      std::min(neurons_.desc().d_model - slices.first * kSliceColumns, slices.n * kSliceColumns);
  kernels_.add(rows, next_rows, n, columns, factors, acc);
}

}  // namespace synfire::cpu
