#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire {

// GGUF's limit of dimensions.
inline constexpr std::size_t kGgufMaxDims = 4;

// The DType that holds numbers of type T as they are.
template <typename T>
requires(std::floating_point<T> || std::signed_integral<T>) constexpr DType dtype_of() {
  if constexpr (std::floating_point<T>) return sizeof(T) == 4 ? DType::f32 : DType::f64;
  if constexpr (sizeof(T) == 1) return DType::i8;
  if constexpr (sizeof(T) == 2) return DType::i16;
  return sizeof(T) == 4 ? DType::i32 : DType::i64;
}

// One tensor of a GGUF file. The name and the data are views of the file and live as long as its
// GgufFile.
struct GgufTensor {
  std::string_view name;
  DType dtype;
  std::uint32_t n_dims;                          // 1 to 4
  std::array<std::uint64_t, kGgufMaxDims> dims;  // dims[0] is contiguous; 1 past n_dims
  std::uint64_t offset;                          // of the data, from the file's first byte
  std::span<const std::byte> data;

  [[nodiscard]] std::span<const std::uint64_t> shape() const { return {dims.data(), n_dims}; }
  [[nodiscard]] std::uint64_t elements() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
  // Elements past dims[0].
  [[nodiscard]] std::uint64_t rows() const { return dims[1] * dims[2] * dims[3]; }

  // The data as numbers; an error when the dtype is another.
  template <typename T>
  [[nodiscard]] Result<std::span<const T>> as() const {
    SYNFIRE_RETURN_IF_ERROR(check_dtype(dtype_of<T>()));
    return std::span<const T>(reinterpret_cast<const T*>(data.data()), elements());
  }
  [[nodiscard]] Status check_dtype(DType wanted) const;
  [[nodiscard]] Status check_shape(std::span<const std::uint64_t> wanted) const;
};

// "[4096, 11008]"
std::string shape_to_string(std::span<const std::uint64_t> shape);

// Bytes of a tensor; an error unless there are 1 to 4 dimensions of at least 1 whose product fits
// and whose first is a multiple of the dtype's block size.
Result<std::uint64_t> tensor_bytes(DType dtype, std::span<const std::uint64_t> shape);

}  // namespace synfire
