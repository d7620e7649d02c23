#include "core/model/matrix_columns.hpp"

#include <vector>

#include "plugins/sdk/block_codec.hpp"

namespace synfire {

void read_columns(const PlainMatrix& matrix, std::uint64_t first, std::uint64_t end, float* out) {
  std::vector<float> part(end - first);
  for (std::uint64_t row = 0; row < matrix.rows; ++row) {
    const std::byte* const at = matrix.data + row_bytes(matrix.dtype, row * matrix.width + first);
    dequantize_row(matrix.dtype, at, part.size(), part.data());
    for (std::size_t c = 0; c < part.size(); ++c) out[c * matrix.rows + row] = part[c];
  }
}

}  // namespace synfire
