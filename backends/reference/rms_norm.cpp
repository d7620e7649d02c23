#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {

void rms_norm(void*, const sdk::OpCall& call) {
  const std::size_t d = call.input_width(0);
  const std::vector<float> weight = decode(call.weights(0).dtype, call.weights(0).data, d);
  const double eps = call.params<sf_norm_params>().eps;
  for (std::uint32_t row = 0; row < call.input_rows(0); ++row) {
    const float* const x = call.input(0) + row * d;
    float* const y = call.output(0) + row * d;
    const double mean_square = dot(x, x, d) / static_cast<double>(d);
    const double scale = 1 / std::sqrt(mean_square + eps);
    for (std::size_t i = 0; i < d; ++i) y[i] = static_cast<float>(x[i] * scale * weight[i]);
  }
}

void layer_norm(void*, const sdk::OpCall& call) {
  const std::size_t d = call.input_width(0);
  const std::vector<float> weight = decode(call.weights(0).dtype, call.weights(0).data, d);
  const sdk::HostWeights* const offsets = call.optional_weights(1);
  const std::vector<float> bias =
      offsets == nullptr ? std::vector<float>(d, 0.0f) : decode(offsets->dtype, offsets->data, d);
  const double eps = call.params<sf_norm_params>().eps;
  for (std::uint32_t row = 0; row < call.input_rows(0); ++row) {
    const float* const x = call.input(0) + row * d;
    float* const y = call.output(0) + row * d;
    double mean = 0, mean_square = 0;
    for (std::size_t i = 0; i < d; ++i) mean += x[i] / static_cast<double>(d);
    for (std::size_t i = 0; i < d; ++i)
      mean_square += (x[i] - mean) * (x[i] - mean) / static_cast<double>(d);
    const double scale = 1 / std::sqrt(mean_square + eps);
    for (std::size_t i = 0; i < d; ++i)
      y[i] = static_cast<float>((x[i] - mean) * scale * weight[i] + bias[i]);
  }
}

}  // namespace synfire::reference
