#include <algorithm>

#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {

void add(void*, const sdk::OpCall& call) {
  const std::size_t n = call.input_size(0);
  for (std::size_t i = 0; i < n; ++i) call.output(0)[i] = call.input(0)[i] + call.input(1)[i];
}

void add_row(void*, const sdk::OpCall& call) {
  const std::size_t d = call.input_width(0);
  const std::vector<float> row = decode(call.weights(0).dtype, call.weights(0).data, d);
  const std::size_t n = call.input_size(0);
  for (std::size_t i = 0; i < n; ++i) call.output(0)[i] = call.input(0)[i] + row[i % d];
}

void activate(void*, const sdk::OpCall& call) {
  const std::uint32_t kind = call.params<sf_activate_params>().activation;
  const std::size_t n = call.input_size(0);
  const float* const gate = call.input(0);
  const float* const up = call.input(1);
  float* const out = call.output(0);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = up == nullptr ? activation(kind, gate[i]) : gated(kind, gate[i], up[i]);
}

void gather_wanted(void*, const sdk::OpCall& call) {
  const std::size_t d = call.input_width(0);
  for (std::uint32_t i = 0; i < call.batch().n_wanted; ++i)
    std::copy_n(call.input(0) + call.batch().wanted[i] * d, d, call.output(0) + i * d);
}

}  // namespace synfire::reference
