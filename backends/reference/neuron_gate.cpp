#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {
namespace {

void gate_of_neuron(const sdk::OpCall& call, std::uint32_t neuron) {
  const sdk::HostNeurons& neurons = call.neurons();
  const sf_neurons_desc& shape = neurons.desc();
  const std::vector<float> row =
      neurons.gated()
          ? decode(static_cast<DType>(shape.gate_dtype), neurons.gate(neuron), shape.d_model)
          : decode(static_cast<DType>(shape.up_dtype), neurons.up(neuron), shape.d_model);
  call.count_rows(neurons.gated() ? sdk::NeuronPart::gate : sdk::NeuronPart::up, 1);
  for (std::size_t t = 0; t < call.batch().n_tokens; ++t)
    call.output(0)[t * shape.d_ff + neuron] =
        static_cast<float>(dot(row.data(), call.input(0) + t * shape.d_model, shape.d_model)) +
        neurons.bias(neuron);
}

}  // namespace

void neuron_gate(void*, const sdk::OpCall& call) {
  const sdk::HostNeurons& neurons = call.neurons();
  for (const std::uint32_t group : neurons.resident())
    for (std::uint32_t i = 0; i < neurons.group_neurons(group); ++i)
      gate_of_neuron(call, neurons.first_neuron(group) + i);
}

}  // namespace synfire::reference
