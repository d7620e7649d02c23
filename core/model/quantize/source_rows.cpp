#include "core/model/quantize/source_rows.hpp"

#include "core/model/matrix_columns.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::quantize {

void read_rows(const PlannedTensor& tensor, std::uint64_t first, std::uint64_t end, float* out) {
  const GgufTensor& source = *tensor.source;
  if (tensor.transposed) {
    read_columns({source.dtype, source.data.data(), tensor.width(), tensor.rows()}, first, end,
                 out);
    return;
  }
  dequantize_row(source.dtype, source_bytes(tensor, first, end).data(),
                 (end - first) * tensor.width(), out);
}

std::span<const std::byte> source_bytes(const PlannedTensor& tensor, std::uint64_t first,
                                        std::uint64_t end) {
  const GgufTensor& source = *tensor.source;
  if (tensor.transposed) return source.data;
  const std::size_t bytes = row_bytes(source.dtype, tensor.width());
  return source.data.subspan(first * bytes, (end - first) * bytes);
}

}  // namespace synfire::quantize
