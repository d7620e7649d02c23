#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {

void sign_linear(void*, const sdk::OpCall& call) {
  const sdk::HostWeights& signs = call.weights(0);  // [rows, ceil(width / 8)] bits
  const sdk::HostWeights* const bias = call.optional_weights(1);
  const std::vector<float> offsets = bias == nullptr ? std::vector<float>(signs.rows, 0.0f)
                                                     : decode(bias->dtype, bias->data, signs.rows);
  const std::size_t width = call.input_width(0);
  const auto is_minus = [&](std::size_t r, std::size_t i) {
    return (std::to_integer<unsigned>(signs.row(r)[i / 8]) >> i % 8 & 1) != 0;
  };
  for (std::size_t t = 0; t < call.input_rows(0); ++t) {
    const float* const x = call.input(0) + t * width;
    for (std::size_t r = 0; r < signs.rows; ++r) {
      double sum = offsets[r];
      for (std::size_t i = 0; i < width; ++i) sum += is_minus(r, i) ? -x[i] : x[i];
      call.output(0)[t * signs.rows + r] = static_cast<float>(sum);
    }
  }
}

}  // namespace synfire::reference
