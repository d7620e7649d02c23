#include "core/runtime/stage_compiler.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/runtime/stage_cutter.hpp"

namespace synfire {
namespace {

// Which dtype a neuron-major copy of `down` has: floats keep theirs, so that nothing is lost;
// blocks that ran along the neurons cannot be kept and become F16.
DType neuron_major_dtype(DType file_dtype) {
  return dtype_info(file_dtype).block_size == 1 ? file_dtype : DType::f16;
}

std::vector<sf_value_desc> stage_values(const Program& program) {
  std::vector<sf_value_desc> values;
  for (const ProgramValue& v : program.values)
    values.push_back(
        {v.wanted_rows ? std::uint32_t{SF_VALUE_WANTED_ROWS} : std::uint32_t{SF_VALUE_ROWS},
         v.width});
  return values;
}

class Compiler {
 public:
  Compiler(const Program& program, const GgufFile& file, const Placement& placement,
           const PredictorProgram& predictor, const CompileOptions& options)
      : program_(program),
        file_(file),
        placement_(placement),
        predictor_(predictor),
        options_(options),
        plan_(with_devices(options.n_devices)),
        cutter_(plan_, stage_values(program)),
        weights_(options.n_devices),
        kv_layers_(options.n_devices) {}

  ExecutionPlan compile() {
    cutter_.set_label("embedding");
    emit(program_.prologue, placement_.embedding);
    for (std::uint32_t layer = 0; layer < program_.layers.size(); ++layer) {
      cutter_.set_label("layer " + std::to_string(layer));
      const std::uint32_t device = placement_.layers[layer].attention;
      emit(program_.layers[layer].before_ffn, device);
      if (options_.tap != 0) plan_.taps.push_back(cutter_.export_value(tap(layer, options_.tap)));
      lower_ffn(layer);
      emit(program_.layers[layer].after_ffn, device);
    }
    cutter_.set_label("head");
    emit(program_.epilogue, placement_.head);
    plan_.logits = cutter_.export_value(program_.logits);
    for (const std::string& dtype : requantized_)
      plan_.notes.push_back("ffn_down: " + dtype +
                            " requantized to F16, neuron by neuron (a dense run uses it as it is)");
    return std::move(plan_);
  }

 private:
  static ExecutionPlan with_devices(std::uint32_t n) {
    ExecutionPlan plan;
    plan.devices.resize(n);
    return plan;
  }

  [[nodiscard]] WeightUpload upload_of(WeightId id) const {
    const ProgramWeight& weight = program_.weights[id];
    const GgufTensor& tensor =
        *file_.tensor(weight.name);  // the builder has checked that it is there
    return {weight.name, tensor.dtype, weight.rows, weight.cols, tensor.data.data(), false};
  }

  std::uint32_t device_weight(std::uint32_t device, WeightUpload upload, bool lookup = false) {
    std::map<const std::byte*, std::uint32_t>& known = weights_[device];
    const auto [entry, is_new] =
        known.try_emplace(upload.data, static_cast<std::uint32_t>(known.size()));
    std::vector<WeightUpload>& weights = plan_.devices[device].weights;
    upload.lookup = lookup;
    if (is_new)
      weights.push_back(std::move(upload));
    else
      weights[entry->second].lookup &= lookup;  // a tied table is multiplied with, too
    return entry->second;
  }

  std::uint32_t kv_layer(std::uint32_t device, std::uint32_t layer) {
    std::map<std::uint32_t, std::uint32_t>& known = kv_layers_[device];
    const auto [entry, is_new] = known.try_emplace(layer, static_cast<std::uint32_t>(known.size()));
    if (is_new) plan_.devices[device].kv_layers.push_back(layer);
    return entry->second;
  }

  void emit(const std::vector<ProgramOp>& ops, std::uint32_t device) {
    for (const ProgramOp& op : ops) emit(op, device);
  }

  void emit(const ProgramOp& op, std::uint32_t device) {
    PlacedOp placed{device, op.id, op.inputs, op.outputs, {}, SF_NONE, false, op.params};
    for (const WeightId id : op.weights)
      placed.weights.push_back(
          id == kNone ? SF_NONE : device_weight(device, upload_of(id), op.id == SF_OP_EMBED));
    if (auto* const kv = std::get_if<sf_kv_params>(&placed.params)) {
      kv->layer = kv_layer(device, kv->layer);
      placed.uses_kv = true;
    } else if (auto* const attention = std::get_if<sf_attention_params>(&placed.params)) {
      attention->layer = kv_layer(device, attention->layer);
      placed.uses_kv = true;
    }
    cutter_.add_op(placed);
  }

  // The layer's FFN: dense matrices where one device computes all of it, neurons otherwise.
  void lower_ffn(std::uint32_t layer) {
    const LayerPlan& plan = placement_.layers[layer];
    std::vector<std::uint32_t> owners;
    for (std::uint32_t d = 0; d < plan.groups.size(); ++d)
      if (!plan.groups[d].empty()) owners.push_back(d);
    const ProgramFfn& ffn = program_.layers[layer].ffn;
    if (owners.size() > 1 || owners.front() != plan.attention) {
      ++plan_.forks;
      ++plan_.joins;
    }
    if (predictor_.kind == Prediction::none && owners.size() == 1 && !ffn.down_is_neuron_major)
      lower_dense(ffn, owners.front());
    else
      lower_neurons(layer, owners);
  }

  void lower_dense(const ProgramFfn& ffn, std::uint32_t device) {
    const std::uint32_t d_ff = program_.hparams.d_ff;
    const ValueId up = linear(device, ffn.input, ffn.up, cutter_.add_value({SF_VALUE_ROWS, d_ff}));
    const ValueId gate = ffn.gate == kNone ? kNone
                                           : linear(device, ffn.input, ffn.gate,
                                                    cutter_.add_value({SF_VALUE_ROWS, d_ff}));
    const ValueId hidden = cutter_.add_value({SF_VALUE_ROWS, d_ff});
    const std::vector<ValueId> inputs =
        gate == kNone ? std::vector{up, kNone} : std::vector{gate, up};
    cutter_.add_op({device,
                    SF_OP_ACTIVATE,
                    inputs,
                    {hidden},
                    {},
                    SF_NONE,
                    false,
                    sf_activate_params{program_.hparams.activation}});
    linear(device, hidden, ffn.down, ffn.output);
  }

  ValueId linear(std::uint32_t device, ValueId x, WeightId weight, ValueId y) {
    cutter_.add_op({device,
                    SF_OP_LINEAR,
                    {x},
                    {y},
                    {device_weight(device, upload_of(weight)), SF_NONE},
                    SF_NONE,
                    false,
                    sf_no_params{}});
    return y;
  }

  void lower_neurons(std::uint32_t layer, const std::vector<std::uint32_t>& owners) {
    const std::uint32_t home = placement_.layers[layer].attention;
    const ProgramFfn& ffn = program_.layers[layer].ffn;
    const ValueId active = predictor_.kind == Prediction::plugin ? predict(layer, home) : kNone;
    std::vector<ValueId> partials(owners.size());
    // The others first: what they need leaves before this device turns to its own share.
    for (std::size_t i = 0; i < owners.size(); ++i)
      if (owners[i] != home) partials[i] = share(layer, owners[i], active, owners.size() == 1);
    for (std::size_t i = 0; i < owners.size(); ++i)
      if (owners[i] == home) partials[i] = share(layer, owners[i], active, owners.size() == 1);
    if (owners.size() > 1) join(home, partials, ffn.output);
  }

  // Sums the partial sums in device order.
  void join(std::uint32_t home, const std::vector<ValueId>& partials, ValueId output) {
    cutter_.gather(home, partials);
    ValueId sum = partials[0];
    for (std::size_t i = 1; i < partials.size(); ++i) {
      const bool last = i + 1 == partials.size();
      const ValueId next =
          last ? output : cutter_.add_value({SF_VALUE_ROWS, program_.hparams.d_model});
      cutter_.add_op(
          {home, SF_OP_ADD, {sum, partials[i]}, {next}, {}, SF_NONE, false, sf_no_params{}});
      sum = next;
    }
  }

  // One device's share of a layer's FFN; its value is the FFN's output where nobody else has a
  // share.
  ValueId share(std::uint32_t layer, std::uint32_t device, ValueId active, bool alone) {
    const ProgramFfn& ffn = program_.layers[layer].ffn;
    const Hparams& h = program_.hparams;
    const std::uint32_t neurons = add_neurons(layer, device);
    sf_neuron_ffn_params params{h.activation, SF_GATE_NONE, 0, options_.ffn_chunk};
    ValueId gates = kNone;
    if (predictor_.kind == Prediction::exact) {
      gates = cutter_.add_value({SF_VALUE_ROWS, h.d_ff});
      active = cutter_.add_value({SF_VALUE_ACTIVE, h.d_ff});
      cutter_.add_op(
          {device, SF_OP_NEURON_GATE, {ffn.input}, {gates}, {}, neurons, false, sf_no_params{}});
      cutter_.add_op({device,
                      SF_OP_SELECT,
                      {gates},
                      {active},
                      {},
                      neurons,
                      false,
                      sf_select_params{SF_GATE_POSITIVE, h.activation, 0}});
      params.gate_rule = SF_GATE_POSITIVE;
    } else if (predictor_.kind == Prediction::plugin) {
      params.gate_rule = predictor_.layers[layer].gate_rule;
      params.gate_threshold = predictor_.layers[layer].gate_threshold;
    }
    const ValueId partial = alone ? ffn.output : cutter_.add_value({SF_VALUE_ROWS, h.d_model});
    cutter_.add_op({device,
                    SF_OP_NEURON_FFN,
                    {ffn.input, active, gates},
                    {partial},
                    {},
                    neurons,
                    false,
                    params});
    return partial;
  }

  // The plugin's ops on the device that has the tap, and the selection by their scores.
  ValueId predict(std::uint32_t layer, std::uint32_t device) {
    const PredictorLayer& p = predictor_.layers[layer];
    std::vector<ValueId> values{tap(layer, p.tap)};
    for (std::size_t i = 1; i < p.values.size(); ++i)
      values.push_back(cutter_.add_value(p.values[i]));
    const auto mapped = [&](const std::vector<ValueId>& ids) {
      std::vector<ValueId> made;
      for (const ValueId id : ids) made.push_back(id == kNone ? kNone : values[id]);
      return made;
    };
    for (const ProgramOp& op : p.ops) {
      PlacedOp placed{device,  op.id, mapped(op.inputs), mapped(op.outputs), {},
                      SF_NONE, false, op.params};
      for (const WeightId id : op.weights)
        placed.weights.push_back(id == kNone ? SF_NONE : device_weight(device, p.weights[id]));
      cutter_.add_op(placed);
    }
    const ValueId active = cutter_.add_value({SF_VALUE_ACTIVE, program_.hparams.d_ff});
    cutter_.add_op(
        {device,
         SF_OP_SELECT,
         {values[p.scores]},
         {active},
         {},
         SF_NONE,
         false,
         sf_select_params{SF_GATE_POSITIVE, program_.hparams.activation, p.score_threshold}});
    return active;
  }

  [[nodiscard]] ValueId tap(std::uint32_t layer, std::uint32_t which) const {
    const ProgramLayer& here = program_.layers[layer];
    switch (which) {
      case SF_TAP_LAYER_INPUT: return here.layer_input;
      case SF_TAP_FFN_RESIDUAL: return here.ffn_residual;
      case SF_TAP_PREVIOUS_FFN_INPUT: return program_.layers[layer == 0 ? 0 : layer - 1].ffn.input;
      default: return here.ffn.input;
    }
  }

  std::uint32_t add_neurons(std::uint32_t layer, std::uint32_t device) {
    const ProgramFfn& ffn = program_.layers[layer].ffn;
    const Hparams& h = program_.hparams;
    NeuronUpload upload;
    upload.layer = layer;
    upload.d_model = h.d_model;
    upload.d_ff = h.d_ff;
    upload.group_size = placement_.group_size;
    upload.up = upload_of(ffn.up);
    upload.down = upload_of(ffn.down);
    upload.down_is_neuron_major = ffn.down_is_neuron_major;
    upload.groups = placement_.layers[layer].groups[device];
    if (ffn.gate != kNone) upload.gate = upload_of(ffn.gate);
    const DType file_dtype = upload.down.dtype;
    upload.down_dtype = ffn.down_is_neuron_major ? file_dtype : neuron_major_dtype(file_dtype);
    if (upload.down_dtype != file_dtype)
      requantized_.insert(std::string(dtype_info(file_dtype).name));
    std::vector<NeuronUpload>& neurons = plan_.devices[device].neurons;
    neurons.push_back(std::move(upload));
    return static_cast<std::uint32_t>(neurons.size() - 1);
  }

  const Program& program_;
  const GgufFile& file_;
  const Placement& placement_;
  const PredictorProgram& predictor_;
  const CompileOptions& options_;
  ExecutionPlan plan_;
  StageCutter cutter_;
  std::vector<std::map<const std::byte*, std::uint32_t>> weights_;  // by device: data -> index
  std::vector<std::map<std::uint32_t, std::uint32_t>>
      kv_layers_;                      // by device: model layer -> storage layer
  std::set<std::string> requantized_;  // dtypes of `down`
};

}  // namespace

Result<ExecutionPlan> compile_stages(const Program& program, const GgufFile& file,
                                     const Placement& placement, const PredictorProgram& predictor,
                                     const CompileOptions& options) {
  const Hparams& h = program.hparams;
  if (predictor.kind == Prediction::exact && !is_relu_family(h.activation))
    return invalid_argument(
        "predictor exact: the model's activation is {}, whose gates are never exactly zero; want a "
        "ReLU family, or "
        "predictor none",
        activation_name(h.activation));
  if (predictor.kind == Prediction::plugin && predictor.layers.size() != h.n_layers)
    return invalid_argument("predictor {}: {} layers, the model has {}", predictor.name,
                            predictor.layers.size(), h.n_layers);
  return Compiler(program, file, placement, predictor, options).compile();
}

}  // namespace synfire
