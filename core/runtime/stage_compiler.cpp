#include "core/runtime/stage_compiler.hpp"

#include <string>
#include <vector>

#include "core/runtime/plan_builder.hpp"
#include "core/runtime/shard_compiler.hpp"

namespace synfire {
namespace {

// Placements in which a layer's attention is on one device.
class Compiler {
 public:
  Compiler(PlanBuilder& builder, const Program& program, const Placement& placement)
      : builder_(builder), program_(program), placement_(placement) {}

  void compile() {
    builder_.cutter().set_label("embedding");
    emit(program_.prologue, placement_.embedding);
    for (std::uint32_t layer = 0; layer < program_.layers.size(); ++layer) {
      builder_.cutter().set_label("layer " + std::to_string(layer));
      const std::uint32_t device = placement_.layers[layer].attention;
      emit(program_.layers[layer].before_ffn, device);
      builder_.export_tap(layer, device);
      lower_ffn(layer);
      emit(program_.layers[layer].after_ffn, device);
    }
    builder_.cutter().set_label("head");
    emit(program_.epilogue, placement_.head);
    builder_.plan().logits = {builder_.cutter().export_value(program_.logits)};
  }

 private:
  void emit(const std::vector<ProgramOp>& ops, std::uint32_t device) {
    for (const ProgramOp& op : ops) emit(op, device);
  }

  void emit(const ProgramOp& op, std::uint32_t device) {
    PlacedOp placed{device, op.id, op.inputs, op.outputs, {}, SF_NONE, false, op.params};
    for (const WeightId id : op.weights)
      placed.weights.push_back(builder_.weights().add(device, id, is_lookup(op.id)));
    builder_.add_op(std::move(placed), program_.hparams.n_kv_heads);
  }

  // The layer's FFN: dense matrices where one device computes all of it, neurons otherwise.
  void lower_ffn(std::uint32_t layer) {
    const LayerPlan& plan = placement_.layers[layer];
    std::vector<std::uint32_t> owners;
    for (std::uint32_t d = 0; d < plan.groups.size(); ++d)
      if (!plan.groups[d].empty()) owners.push_back(d);
    if (owners.size() > 1 || owners.front() != plan.attention) {
      ++builder_.plan().forks;
      ++builder_.plan().joins;
    }
    if (owners.size() == 1 && builder_.is_dense(layer))
      builder_.dense_share(layer, owners.front(), 0, program_.hparams.d_ff,
                           program_.layers[layer].ffn.output);
    else
      lower_neurons(layer, owners);
  }

  void lower_neurons(std::uint32_t layer, const std::vector<std::uint32_t>& owners) {
    const std::uint32_t home = placement_.layers[layer].attention;
    const ProgramFfn& ffn = program_.layers[layer].ffn;
    const ValueId active = builder_.predict(layer, home);
    std::vector<ValueId> partials(owners.size());
    // One owner's share is the FFN's output.
    for (ValueId& partial : partials)
      partial = owners.size() == 1 ? ffn.output : builder_.partial_sum();
    // The others first: what they need leaves before this device turns to its own share.
    for (std::size_t i = 0; i < owners.size(); ++i)
      if (owners[i] != home) builder_.neuron_share(layer, owners[i], active, partials[i]);
    for (std::size_t i = 0; i < owners.size(); ++i)
      if (owners[i] == home) builder_.neuron_share(layer, home, active, partials[i]);
    if (owners.size() > 1) builder_.join(home, partials, ffn.output);
  }

  PlanBuilder& builder_;
  const Program& program_;
  const Placement& placement_;
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
  PlanBuilder builder(program, file, placement, predictor, options);
  if (placement.shards)
    compile_shards(builder, program, placement, options.n_devices);
  else
    Compiler(builder, program, placement).compile();
  return builder.finish();
}

}  // namespace synfire
