#include "core/runtime/weight_slice.hpp"

#include <cstring>

#include <fmt/format.h>

namespace synfire {
namespace {

std::size_t row_stride(const WeightUpload& upload) {
  return upload.row_stride != 0 ? upload.row_stride : row_bytes(upload.dtype, upload.cols);
}

}  // namespace

WeightUpload slice_rows(const WeightUpload& whole, std::uint64_t first, std::uint64_t end) {
  if (first == 0 && end == whole.rows) return whole;
  WeightUpload slice = whole;
  slice.name = fmt::format("{}[{}:{}]", whole.name, first, end);
  slice.rows = end - first;
  slice.data = whole.data + first * row_stride(whole);
  return slice;
}

WeightUpload slice_columns(const WeightUpload& whole, std::uint64_t first, std::uint64_t end) {
  if (first == 0 && end == whole.cols) return whole;
  WeightUpload slice = whole;
  slice.name = fmt::format("{}[:, {}:{}]", whole.name, first, end);
  slice.cols = end - first;
  slice.row_stride = row_stride(whole);
  slice.data = whole.data + row_bytes(whole.dtype, first);
  return slice;
}

WeightUpload slice_vector(const WeightUpload& whole, std::uint64_t first, std::uint64_t end) {
  if (first == 0 && end == whole.cols) return whole;
  WeightUpload slice = whole;
  slice.name = fmt::format("{}[{}:{}]", whole.name, first, end);
  slice.cols = end - first;
  slice.data = whole.data + row_bytes(whole.dtype, first);
  return slice;
}

std::vector<std::byte> packed_rows(const WeightUpload& upload) {
  const std::size_t bytes = row_bytes(upload.dtype, upload.cols);
  std::vector<std::byte> packed(upload.rows * bytes);
  for (std::uint64_t row = 0; row < upload.rows; ++row)
    std::memcpy(packed.data() + row * bytes, upload.data + row * row_stride(upload), bytes);
  return packed;
}

}  // namespace synfire
