#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "plugins/abi/synfire_backend.h"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::ops_test {

using Random = std::mt19937;

inline std::vector<float> random_floats(std::size_t n, Random& random, float low = -1,
                                        float high = 1) {
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(n);
  for (float& value : values) value = uniform(random);
  return values;
}

// A tensor in host memory, [rows, cols], in the bytes of its dtype. rows = 1 for a vector.
struct HostTensor {
  std::string name;
  DType dtype;
  std::uint64_t rows, cols;
  std::vector<std::byte> bytes;

  static HostTensor of(DType dtype, std::uint64_t rows, std::uint64_t cols,
                       const std::vector<float>& values, std::string name = "weight") {
    HostTensor tensor{std::move(name), dtype, rows, cols, {}};
    tensor.bytes.resize(rows * row_bytes(dtype, cols));
    for (std::uint64_t r = 0; r < rows; ++r)
      quantize_row(dtype, values.data() + r * cols, cols,
                   tensor.bytes.data() + r * row_bytes(dtype, cols));
    return tensor;
  }
  static HostTensor vector(const std::vector<float>& values, DType dtype = DType::f32) {
    return of(dtype, 1, values.size(), values);
  }
  // Elements in +-limit.
  static HostTensor random(DType dtype, std::uint64_t rows, std::uint64_t cols, Random& random,
                           float limit) {
    return of(dtype, rows, cols, random_floats(rows * cols, random, -limit, limit));
  }

  [[nodiscard]] const std::byte* row(std::uint64_t r) const {
    return bytes.data() + r * row_bytes(dtype, cols);
  }
  [[nodiscard]] sf_tensor_desc desc(std::uint32_t flags = 0) const {
    return {sizeof(sf_tensor_desc),
            static_cast<std::uint32_t>(dtype),
            flags,
            0,
            rows,
            cols,
            name.c_str(),
            bytes.data()};
  }
};

}  // namespace synfire::ops_test
