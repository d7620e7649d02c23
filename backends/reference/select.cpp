#include <cmath>
#include <vector>

#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {
namespace {

bool selected(const sf_select_params& params, float score) {
  if (params.rule == SF_GATE_POSITIVE) return score > params.threshold;
  return std::fabs(activation(params.activation, score)) > params.threshold;
}

}  // namespace

void select(void*, const sdk::OpCall& call) {
  const auto& params = call.params<sf_select_params>();
  const std::size_t d_ff = call.input_width(0);
  const std::uint32_t n_tokens = call.batch().n_tokens;
  const sdk::ActiveList list = call.active_output(0);
  list.reset(static_cast<std::uint32_t>(d_ff), n_tokens);
  for (std::uint32_t neuron = 0; neuron < d_ff; ++neuron) {
    if (call.has_neurons() && !call.neurons().has(neuron)) continue;
    std::uint64_t* mask = nullptr;  // the neuron's, once a token needs it
    for (std::uint32_t t = 0; t < n_tokens; ++t) {
      if (!selected(params, call.input(0)[t * d_ff + neuron])) continue;
      if (mask == nullptr) mask = list.push(neuron);
      mask[t / 64] |= std::uint64_t{1} << (t % 64);
    }
  }
}

}  // namespace synfire::reference
