#include "backends/reference/kernels.hpp"
#include "backends/reference/math.hpp"

namespace synfire::reference {
namespace {

// The rows of one resident neuron, each read when it is first needed.
class NeuronRows {
 public:
  NeuronRows(const sdk::OpCall& call, std::uint32_t neuron)
      : call_(call), neurons_(call.neurons()), neuron_(neuron) {}

  const std::vector<float>& gate() {
    return read(gate_, sdk::NeuronPart::gate, neurons_.desc().gate_dtype, neurons_.gate(neuron_));
  }
  const std::vector<float>& up() {
    return read(up_, sdk::NeuronPart::up, neurons_.desc().up_dtype, neurons_.up(neuron_));
  }
  const std::vector<float>& down() {
    return read(down_, sdk::NeuronPart::down, neurons_.desc().down_dtype, neurons_.down(neuron_));
  }
  [[nodiscard]] std::uint32_t id() const { return neuron_; }

 private:
  const std::vector<float>& read(std::vector<float>& values, sdk::NeuronPart part,
                                 std::uint32_t dtype, const std::byte* row) const {
    if (!values.empty()) return values;
    call_.count_rows(part, 1);
    return values = decode(static_cast<DType>(dtype), row, neurons_.desc().d_model);
  }

  const sdk::OpCall& call_;
  const sdk::HostNeurons& neurons_;
  std::uint32_t neuron_;
  std::vector<float> gate_, up_, down_;
};

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
      NeuronRows rows(call_, list.id(i));
      for (std::uint32_t t = 0; t < call_.batch().n_tokens; ++t)
        if (list.needs(i, t)) add(rows, t);
    }
  }

  void add_all() {
    const sdk::HostNeurons& neurons = call_.neurons();
    for (const std::uint32_t group : neurons.resident())
      for (std::uint32_t i = 0; i < neurons.group_neurons(group); ++i) {
        NeuronRows rows(call_, neurons.first_neuron(group) + i);
        for (std::uint32_t t = 0; t < call_.batch().n_tokens; ++t) add(rows, t);
      }
  }

  // Adds one neuron's part of one token's output. Gate first; up and down only if it passes.
  void add(NeuronRows& rows, std::uint32_t token) {
    const float gate = gate_of(rows, token);
    if (!gate_passes(params_.gate_rule, params_.activation, gate, params_.gate_threshold,
                     call_.neurons().gate_weight(rows.id())))
      return;
    call_.count_active(1);
    const double hidden = hidden_of(rows, token, gate);
    const float* const down = rows.down().data();
    double* const sum = sums_.data() + std::size_t{token} * shape_.d_model;
    for (std::uint32_t i = 0; i < shape_.d_model; ++i) sum[i] += hidden * down[i];
  }

  [[nodiscard]] float gate_of(NeuronRows& rows, std::uint32_t token) const {
    if (call_.has_input(2)) return call_.input(2)[std::size_t{token} * shape_.d_ff + rows.id()];
    return row_dot(call_.neurons().gated() ? rows.gate() : rows.up(), token) +
           call_.neurons().bias(rows.id());
  }
  [[nodiscard]] float hidden_of(NeuronRows& rows, std::uint32_t token, float gate) const {
    if (!call_.neurons().gated()) return activation(params_.activation, gate);
    return gated(params_.activation, gate, row_dot(rows.up(), token));
  }
  [[nodiscard]] float row_dot(const std::vector<float>& row, std::uint32_t token) const {
    const float* const x = call_.input(0) + std::size_t{token} * shape_.d_model;
    return static_cast<float>(dot(row.data(), x, shape_.d_model));
  }

  const sdk::OpCall& call_;
  const sf_neuron_ffn_params& params_;
  const sf_neurons_desc& shape_;
  std::vector<double> sums_;  // [n_tokens, d_model]
};

}  // namespace

void neuron_ffn(void*, const sdk::OpCall& call) { NeuronFfn(call).run(); }

}  // namespace synfire::reference
