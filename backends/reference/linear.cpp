#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {

void linear(void*, const sdk::OpCall& call) {
  const sdk::HostWeights& weights = call.weights(0);  // [rows, cols]
  const sdk::HostWeights* const bias = call.optional_weights(1);
  const std::vector<float> offsets = bias == nullptr
                                         ? std::vector<float>(weights.rows, 0.0f)
                                         : decode(bias->dtype, bias->data, weights.rows);
  for (std::size_t r = 0; r < weights.rows; ++r) {
    const std::vector<float> row = decode(weights.dtype, weights.row(r), weights.cols);
    for (std::uint32_t t = 0; t < call.input_rows(0); ++t) {
      const float* const x = call.input(0) + t * weights.cols;
      call.output(0)[t * weights.rows + r] =
          static_cast<float>(dot(row.data(), x, weights.cols) + offsets[r]);
    }
  }
}

}  // namespace synfire::reference
