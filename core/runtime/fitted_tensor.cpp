#include "core/runtime/fitted_tensor.hpp"

#include <span>
#include <utility>

#include "plugins/sdk/block_codec.hpp"

namespace synfire {

std::vector<float> decoded(DType dtype, const std::byte* data, std::uint64_t rows,
                           std::uint64_t cols) {
  std::vector<float> values(rows * cols);
  for (std::uint64_t r = 0; r < rows; ++r)
    dequantize_row(dtype, data + r * row_bytes(dtype, cols), cols, values.data() + r * cols);
  return values;
}

std::vector<float> values_of(const FittedLayer::Tensor& tensor) {
  return decoded(tensor.dtype, tensor.data.data(), tensor.rows, tensor.cols);
}

std::vector<float> values_of(const GgufTensor& tensor) {
  return decoded(tensor.dtype, tensor.data.data(), tensor.rows(), tensor.dims[0]);
}

FittedLayer::Tensor encoded(std::string name, DType dtype, const std::vector<float>& values,
                            std::uint64_t cols) {
  FittedLayer::Tensor tensor{std::move(name), dtype, values.size() / cols, cols, {}};
  tensor.data.resize(tensor.rows * row_bytes(dtype, cols));
  for (std::uint64_t r = 0; r < tensor.rows; ++r)
    quantize_row(dtype, values.data() + r * cols, cols,
                 tensor.data.data() + r * row_bytes(dtype, cols));
  return tensor;
}

FittedLayer::Tensor vector_of(std::string name, const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {std::move(name), DType::f32, 1, values.size(), {bytes.begin(), bytes.end()}};
}

DType least_dtype(std::uint64_t cols) {
  return cols % dtype_info(DType::q8_0).block_size == 0 ? DType::q8_0 : DType::f16;
}

}  // namespace synfire
