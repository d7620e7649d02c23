#include "core/model/gguf_tensor.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace synfire {

Status GgufTensor::check_dtype(DType wanted) const {
  if (dtype == wanted) return {};
  return invalid_argument("tensor {}: dtype {}, want {}", name, dtype_info(dtype).name,
                          dtype_info(wanted).name);
}

Status GgufTensor::check_shape(std::span<const std::uint64_t> wanted) const {
  if (std::ranges::equal(shape(), wanted)) return {};
  return invalid_argument("tensor {}: shape {}, want {}", name, shape_to_string(shape()),
                          shape_to_string(wanted));
}

std::string shape_to_string(std::span<const std::uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<std::uint64_t> tensor_bytes(DType dtype, std::span<const std::uint64_t> shape) {
  if (shape.empty() || shape.size() > kGgufMaxDims)
    return invalid_argument("{} dimensions, want 1 to {}", shape.size(), kGgufMaxDims);
  const DTypeInfo& info = dtype_info(dtype);
  if (shape[0] % info.block_size != 0)
    return invalid_argument("shape {}, want rows of a multiple of {} elements for {}",
                            shape_to_string(shape), info.block_size, info.name);
  std::uint64_t bytes = shape[0] / info.block_size;
  bool overflow = __builtin_mul_overflow(bytes, std::uint64_t{info.block_bytes}, &bytes);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0)
      return invalid_argument("shape {}, want every dimension at least 1", shape_to_string(shape));
    if (i > 0) overflow |= __builtin_mul_overflow(bytes, shape[i], &bytes);
  }
  // Q4 data takes half a byte per element: this bound keeps element counts in 64 bits too.
  if (overflow || bytes > (std::uint64_t{1} << 62))
    return invalid_argument("shape {}, want at most 2^62 bytes of {}", shape_to_string(shape),
                            info.name);
  return bytes;
}

}  // namespace synfire
