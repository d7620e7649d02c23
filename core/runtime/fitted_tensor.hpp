#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/model/gguf_tensor.hpp"
#include "core/runtime/predictor_fit.hpp"

// Between floats and the tensors of model files and sidecars.
namespace synfire {

// Rows as floats, whatever the dtype.
[[nodiscard]] std::vector<float> decoded(DType dtype, const std::byte* data, std::uint64_t rows,
                                         std::uint64_t cols);
[[nodiscard]] std::vector<float> values_of(const FittedLayer::Tensor& tensor);
[[nodiscard]] std::vector<float> values_of(const GgufTensor& tensor);

[[nodiscard]] FittedLayer::Tensor encoded(std::string name, DType dtype,
                                          const std::vector<float>& values, std::uint64_t cols);
[[nodiscard]] FittedLayer::Tensor vector_of(std::string name, const std::vector<float>& values);

// The one with the fewest bytes that rows can have: int8 where they are whole blocks of it.
[[nodiscard]] DType least_dtype(std::uint64_t cols);

}  // namespace synfire
