#include "core/model/convert/tensor_rows.hpp"

#include <algorithm>
#include <vector>

#include "core/model/finite.hpp"
#include "core/model/matrix_columns.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::convert {
namespace {

constexpr std::size_t kPartFloats = std::size_t{1} << 18;

// Rows of the output as floats. Rows and columns of a vector: one row of all its elements.
class FloatRows {
 public:
  explicit FloatRows(const PlannedTensor& tensor)
      : tensor_(tensor), shape_(tensor.shape()), n_rows_(shape_.size() == 1 ? 1 : shape_[1]) {}

  [[nodiscard]] std::uint64_t size() const { return n_rows_; }
  [[nodiscard]] std::uint64_t width() const { return shape_[0]; }

  // Rows [first, end) into out.
  void read(std::uint64_t first, std::uint64_t end, float* out) const {
    if (tensor_.source == nullptr)
      std::ranges::copy(tensor_.values, out);
    else if (tensor_.source->shape.size() == 1)
      read_vector(out);
    else if (tensor_.transposed)
      read_columns({dtype(), tensor_.source->data.data(), width(), n_rows_}, first, end, out);
    else
      for (std::uint64_t row = first; row < end; ++row)
        read_row(row, out + (row - first) * width());
    if (tensor_.added != 0)
      for (std::uint64_t i = 0; i < (end - first) * width(); ++i) out[i] += tensor_.added;
  }

 private:
  [[nodiscard]] DType dtype() const { return *tensor_.source->dtype; }
  void decode(std::uint64_t element, std::uint64_t n, float* out) const {
    dequantize_row(dtype(), tensor_.source->data.data() + row_bytes(dtype(), element), n, out);
  }

  void read_vector(float* out) const {
    if (tensor_.rows.empty()) return decode(0, width(), out);
    for (std::uint64_t i = 0; i < width(); ++i) decode(tensor_.rows[i], 1, out + i);
  }
  void read_row(std::uint64_t row, float* out) const {
    decode((tensor_.rows.empty() ? row : tensor_.rows[row]) * width(), width(), out);
  }

  const PlannedTensor& tensor_;
  std::vector<std::uint64_t> shape_;  // [0] contiguous
  std::uint64_t n_rows_;
};

Status check(const PlannedTensor& tensor, std::uint64_t first_row, std::uint64_t width,
             std::span<const float> values, std::string_view where) {
  const std::string& name = tensor.source == nullptr ? tensor.name : tensor.source->name;
  return check_finite({name, first_row, width, values}, where);
}

}  // namespace

DType dtype_of(const PlannedTensor& tensor, std::optional<DType> wanted) {
  if (tensor.is_vector()) return DType::f32;
  return wanted.value_or(*tensor.source->dtype);
}

Status for_each_part(const PlannedTensor& tensor, DType dtype,
                     const std::function<Status(std::span<const std::byte>)>& take) {
  const FloatRows rows(tensor);
  const std::uint64_t width = rows.width();
  const std::uint64_t step = std::max<std::uint64_t>(1, kPartFloats / width);
  std::vector<float> values;
  std::vector<std::byte> out;
  for (std::uint64_t first = 0; first < rows.size(); first += step) {
    const std::uint64_t end = std::min(first + step, rows.size());
    values.resize((end - first) * width);
    rows.read(first, end, values.data());
    SYNFIRE_RETURN_IF_ERROR(check(tensor, first, width, values, "in the checkpoint"));
    out.resize(row_bytes(dtype, values.size()));
    quantize_row(dtype, values.data(), values.size(), out.data());
    if (dtype != DType::f32) dequantize_row(dtype, out.data(), values.size(), values.data());
    SYNFIRE_RETURN_IF_ERROR(
        check(tensor, first, width, values, fmt::format("in {}", dtype_info(dtype).name)));
    SYNFIRE_RETURN_IF_ERROR(take(out));
  }
  return {};
}

}  // namespace synfire::convert
