#include "core/runtime/plan_builder.hpp"

#include <utility>

#include "core/runtime/weight_slice.hpp"

namespace synfire {
namespace {

ExecutionPlan plan_for(std::uint32_t n_devices) {
  ExecutionPlan plan;
  plan.devices.resize(n_devices);
  return plan;
}

sf_value_desc value_desc(const ProgramValue& value, std::uint32_t width) {
  return {value.wanted_rows ? std::uint32_t{SF_VALUE_WANTED_ROWS} : std::uint32_t{SF_VALUE_ROWS},
          width};
}

std::vector<sf_value_desc> stage_values(const Program& program) {
  std::vector<sf_value_desc> values;
  for (const ProgramValue& v : program.values) values.push_back(value_desc(v, v.width));
  return values;
}

}  // namespace

PlanBuilder::PlanBuilder(const Program& program, const GgufFile& file, const Placement& placement,
                         const PredictorProgram& predictor, const CompileOptions& options)
    : program_(program),
      predictor_(predictor),
      options_(options),
      plan_(plan_for(options.n_devices)),
      weights_(plan_, program, file, placement),
      cutter_(plan_, stage_values(program)),
      own_(options.n_devices) {}

ExecutionPlan PlanBuilder::finish() {
  plan_.notes = weights_.notes();
  return std::move(plan_);
}

ValueId PlanBuilder::here(std::uint32_t device, ValueId value) const {
  const auto found = own_[device].find(value);
  return found == own_[device].end() ? value : found->second;
}

ValueId PlanBuilder::make_own(std::uint32_t device, ValueId value, std::uint32_t width) {
  const ValueId made = cutter_.add_value(value_desc(program_.values[value], width));
  own_[device][value] = made;
  return made;
}

void PlanBuilder::add_op(PlacedOp op, std::uint32_t n_kv_heads) {
  std::uint32_t* layer = nullptr;
  if (auto* const kv = std::get_if<sf_kv_params>(&op.params)) layer = &kv->layer;
  if (auto* const attention = std::get_if<sf_attention_params>(&op.params))
    layer = &attention->layer;
  op.uses_kv = layer != nullptr;
  if (op.uses_kv) *layer = weights_.add_kv_layer(op.device, *layer, n_kv_heads);
  cutter_.add_op(op);
}

ValueId PlanBuilder::linear(std::uint32_t device, ValueId x, const WeightUpload& weight,
                            std::uint32_t bias, ValueId y) {
  cutter_.add_op({device,
                  SF_OP_LINEAR,
                  {x},
                  {y},
                  {weights_.add(device, weight), bias},
                  SF_NONE,
                  false,
                  sf_no_params{}});
  return y;
}

ValueId PlanBuilder::partial_sum() {
  return cutter_.add_value({SF_VALUE_ROWS, program_.hparams.d_model});
}

void PlanBuilder::join(std::uint32_t device, const std::vector<ValueId>& partials, ValueId output) {
  cutter_.gather(device, partials);
  ValueId sum = partials[0];
  for (std::size_t i = 1; i < partials.size(); ++i) {
    const ValueId next = i + 1 == partials.size() ? output : partial_sum();
    cutter_.add_op(
        {device, SF_OP_ADD, {sum, partials[i]}, {next}, {}, SF_NONE, false, sf_no_params{}});
    sum = next;
  }
}

bool PlanBuilder::is_dense(std::uint32_t layer) const {
  return predictor_.computes_all(layer) && !program_.layers[layer].ffn.down_is_neuron_major;
}

void PlanBuilder::dense_share(std::uint32_t layer, std::uint32_t device, std::uint32_t first,
                              std::uint32_t end, ValueId output) {
  const ProgramFfn& ffn = program_.layers[layer].ffn;
  const ValueId x = here(device, ffn.input);
  const std::uint32_t bias =
      ffn.bias == kNone ? SF_NONE
                        : weights_.add(device, slice_vector(weights_.tensor(ffn.bias), first, end));
  const auto rows = [&](WeightId weight, std::uint32_t its_bias) {
    return linear(device, x, slice_rows(weights_.tensor(weight), first, end), its_bias,
                  cutter_.add_value({SF_VALUE_ROWS, end - first}));
  };
  const ValueId up = rows(ffn.up, ffn.gate == kNone ? bias : SF_NONE);
  const ValueId gate = ffn.gate == kNone ? kNone : rows(ffn.gate, bias);
  const ValueId hidden = cutter_.add_value({SF_VALUE_ROWS, end - first});
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
  linear(device, hidden, slice_columns(weights_.tensor(ffn.down), first, end), SF_NONE, output);
  export_gates(gate == kNone ? up : gate);
}

void PlanBuilder::neuron_share(std::uint32_t layer, std::uint32_t device, ValueId active,
                               ValueId output) {
  const Hparams& h = program_.hparams;
  const ValueId x = here(device, program_.layers[layer].ffn.input);
  const std::uint32_t neurons = weights_.add_neurons(device, layer);
  sf_neuron_ffn_params params{h.activation, SF_GATE_NONE, 0, options_.ffn_chunk};
  ValueId gates = kNone;
  if (predictor_.computes_all(layer)) {
    // No list: all that are here.
  } else if (predictor_.kind == Prediction::exact) {
    gates = cutter_.add_value({SF_VALUE_ROWS, h.d_ff});
    active = cutter_.add_value({SF_VALUE_ACTIVE, h.d_ff});
    cutter_.add_op({device, SF_OP_NEURON_GATE, {x}, {gates}, {}, neurons, false, sf_no_params{}});
    cutter_.add_op({device,
                    SF_OP_SELECT,
                    {gates},
                    {active},
                    {},
                    neurons,
                    false,
                    sf_select_params{SF_GATE_POSITIVE, h.activation, 0}});
    params.gate_rule = SF_GATE_POSITIVE;
  } else {
    params.gate_rule = predictor_.layers[layer].gate_rule;
    params.gate_threshold = predictor_.layers[layer].gate_threshold;
    plan_.devices[device].neurons[neurons].gate_weights = predictor_.layers[layer].gate_weights;
  }
  cutter_.add_op(
      {device, SF_OP_NEURON_FFN, {x, active, gates}, {output}, {}, neurons, false, params});
  if (!options_.tap_gates) return;
  if (gates == kNone) {  // else they are there already
    gates = cutter_.add_value({SF_VALUE_ROWS, h.d_ff});
    cutter_.add_op({device, SF_OP_NEURON_GATE, {x}, {gates}, {}, neurons, false, sf_no_params{}});
  }
  export_gates(gates);
}

ValueId PlanBuilder::predict(std::uint32_t layer, std::uint32_t device) {
  if (predictor_.kind != Prediction::plugin || predictor_.computes_all(layer)) return kNone;
  const PredictorLayer& p = predictor_.layers[layer];
  if (!p.guesses()) return kNone;
  std::vector<ValueId> values{here(device, tap(layer, p.tap))};
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
      placed.weights.push_back(id == kNone ? SF_NONE : weights_.add(device, p.weights[id]));
    cutter_.add_op(placed);
  }
  if (options_.tap_gates) plan_.score_taps[layer] = cutter_.export_value(values[p.scores]);
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

void PlanBuilder::export_gates(ValueId gates) {
  if (options_.tap_gates) plan_.gate_taps.push_back(cutter_.export_value(gates));
}

void PlanBuilder::export_tap(std::uint32_t layer, std::uint32_t device) {
  if (options_.tap == 0) return;
  plan_.taps.push_back(cutter_.export_value(here(device, tap(layer, options_.tap))));
}

ValueId PlanBuilder::tap(std::uint32_t layer, std::uint32_t which) const {
  const ProgramLayer& at = program_.layers[layer];
  switch (which) {
    case SF_TAP_LAYER_INPUT: return at.layer_input;
    case SF_TAP_FFN_RESIDUAL: return at.ffn_residual;
    case SF_TAP_PREVIOUS_FFN_INPUT: return program_.layers[layer == 0 ? 0 : layer - 1].ffn.input;
    default: return at.ffn.input;
  }
}

}  // namespace synfire
