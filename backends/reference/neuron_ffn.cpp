#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {
namespace {

// This device's share of an FFN. All sums are one double per output element: the chunks of
// sf_neuron_ffn_params bound the order of a sum, which does not matter here.
class NeuronFfn {
 public:
  explicit NeuronFfn(const sdk::OpCall& call)
      : call_(call),
        params_(call.params<sf_neuron_ffn_params>()),
        shape_(call.neurons().desc()),
        sums_(std::size_t{call.batch().n_tokens} * shape_.d_model, 0.0) {}

  void run() {
    if (call_.has_input(1))
      add_listed(call_.active_input(1));
    else
      add_all();
    for (std::size_t i = 0; i < sums_.size(); ++i)
      call_.output(0)[i] = static_cast<float>(sums_[i]);
  }

 private:
  void add_listed(const sdk::ActiveList& list) {
    for (std::uint32_t i = 0; i < list.size(); ++i) {
      if (!call_.neurons().has(list.id(i))) continue;
      for (std::uint32_t t = 0; t < call_.batch().n_tokens; ++t)
        if (list.needs(i, t)) add(list.id(i), t);
    }
  }

  void add_all() {
    const sdk::HostNeurons& neurons = call_.neurons();
    for (const std::uint32_t group : neurons.resident())
      for (std::uint32_t i = 0; i < neurons.group_neurons(group); ++i)
        for (std::uint32_t t = 0; t < call_.batch().n_tokens; ++t)
          add(neurons.first_neuron(group) + i, t);
  }

  // Adds one neuron's part of one token's output. Gate first; up and down only if it passes.
  void add(std::uint32_t neuron, std::uint32_t token) {
    const float gate = gate_of(neuron, token);
    if (!gate_passes(params_.gate_rule, params_.activation, gate, params_.gate_threshold)) return;
    const float hidden = hidden_of(neuron, token, gate);
    const std::vector<float> down =
        decode(static_cast<DType>(shape_.down_dtype), call_.neurons().down(neuron), shape_.d_model);
    double* const sum = sums_.data() + std::size_t{token} * shape_.d_model;
    for (std::uint32_t i = 0; i < shape_.d_model; ++i)
      sum[i] += static_cast<double>(hidden) * down[i];
  }

  [[nodiscard]] float gate_of(std::uint32_t neuron, std::uint32_t token) const {
    if (call_.has_input(2)) return call_.input(2)[std::size_t{token} * shape_.d_ff + neuron];
    if (!call_.neurons().gated()) return up_of(neuron, token);
    return row_dot(shape_.gate_dtype, call_.neurons().gate(neuron), token);
  }
  [[nodiscard]] float up_of(std::uint32_t neuron, std::uint32_t token) const {
    return row_dot(shape_.up_dtype, call_.neurons().up(neuron), token);
  }
  [[nodiscard]] float hidden_of(std::uint32_t neuron, std::uint32_t token, float gate) const {
    if (!call_.neurons().gated()) return activation(params_.activation, gate);
    return gated(params_.activation, gate, up_of(neuron, token));
  }
  [[nodiscard]] float row_dot(std::uint32_t dtype, const std::byte* row,
                              std::uint32_t token) const {
    const std::vector<float> values = decode(static_cast<DType>(dtype), row, shape_.d_model);
    const float* const x = call_.input(0) + std::size_t{token} * shape_.d_model;
    return static_cast<float>(dot(values.data(), x, shape_.d_model));
  }

  const sdk::OpCall& call_;
  const sf_neuron_ffn_params& params_;
  const sf_neurons_desc& shape_;
  std::vector<double> sums_;  // [n_tokens, d_model]
};

}  // namespace

void neuron_ffn(void*, const sdk::OpCall& call) { NeuronFfn(call).run(); }

}  // namespace synfire::reference
