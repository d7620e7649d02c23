#include "backends/cpu/ops/down_rows.hpp"

#include "plugins/sdk/block_codec.hpp"

namespace synfire::cpu {

DownRows::DownRows(const KernelTable& kernels, const sdk::HostNeurons& neurons)
    : kernels_(kernels), neurons_(neurons), dtype_(static_cast<DType>(neurons.desc().down_dtype)) {
  const auto use = [this](AddScaledRow to_add, DecodeRow to_decode) {
    add_ = to_add;
    decode_ = to_decode;
  };
  switch (dtype_) {
    case DType::f32: use(kernels.add_scaled_f32, kernels.decode_f32); break;
    case DType::f16: use(kernels.add_scaled_f16, kernels.decode_f16); break;
    case DType::bf16: use(kernels.add_scaled_bf16, kernels.decode_bf16); break;
    case DType::q8_0: use(kernels.add_scaled_q8_0, kernels.decode_q8_0); break;
    default: break;
  }
}

std::uint32_t DownRows::slice_columns() const { return dtype_ == DType::q6_k ? 256 : 64; }

void DownRows::add(std::uint32_t neuron, float factor, float* acc) const {
  const std::byte* const row = neurons_.down(neuron);
  if (add_ == nullptr)
    add_blocks(row, factor, acc);
  else
    add_(row, factor, 0, neurons_.desc().d_model, acc);
}

void DownRows::add_blocks(const std::byte* row, float factor, float* acc) const {
  const DTypeInfo& info = dtype_info(dtype_);
  float values[256];  // the longest block
  for (std::uint32_t i = 0; i < neurons_.desc().d_model; i += info.block_size) {
    dequantize_row(dtype_, row, info.block_size, values);
    kernels_.add_scaled(values, factor, info.block_size, acc + i);
    row += info.block_bytes;
  }
}

void DownRows::decode(std::uint32_t neuron, std::uint32_t first, std::uint32_t n,
                      float* values) const {
  const std::byte* const row = neurons_.down(neuron);
  if (decode_ == nullptr)
    dequantize_row(dtype_, row + row_bytes(dtype_, first), n, values);
  else
    decode_(row, first, n, values);
}

}  // namespace synfire::cpu
