#include "core/runtime/shard_compiler.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/shard_rules.hpp"
#include "core/runtime/weight_slice.hpp"

namespace synfire {
namespace {

class ShardCompiler {
 public:
  ShardCompiler(PlanBuilder& builder, const Program& program, const Placement& placement,
                std::uint32_t n_devices)
      : builder_(builder), program_(program), placement_(placement), n_devices_(n_devices) {}

  void compile() {
    builder_.cutter().set_label("embedding");
    for (const ProgramOp& op : program_.prologue) emit_on_first(op);
    send_to_others(program_.layers.front().layer_input);
    for (std::uint32_t layer = 0; layer < program_.layers.size(); ++layer) {
      builder_.cutter().set_label("layer " + std::to_string(layer));
      attention(program_.layers[layer].before_ffn);
      builder_.export_tap(layer, 0);
      ffn(layer);
      for (const ProgramOp& op : program_.layers[layer].after_ffn) emit_everywhere(op);
    }
    builder_.cutter().set_label("head");
    for (const ProgramOp& op : program_.epilogue) {
      if (op.outputs[0] == program_.logits)
        emit_logits(op);
      else
        emit_everywhere(op);
    }
  }

 private:
  struct Range {
    std::uint32_t first, end;
    [[nodiscard]] std::uint32_t size() const { return end - first; }
  };

  // Of `width` columns for all heads, those of the device's.
  [[nodiscard]] Range heads(std::uint32_t device, std::uint64_t width) const {
    const std::vector<std::uint32_t>& bounds = placement_.shards->kv_heads;
    const auto per_kv_head = static_cast<std::uint32_t>(width / program_.hparams.n_kv_heads);
    return {bounds[device] * per_kv_head, bounds[device + 1] * per_kv_head};
  }
  // The run of neurons that the device has.
  [[nodiscard]] Range neurons(std::uint32_t layer, std::uint32_t device) const {
    const std::vector<std::uint32_t>& groups = placement_.layers[layer].groups[device];
    return {groups.front() * placement_.group_size,
            std::min((groups.back() + 1) * placement_.group_size, program_.hparams.d_ff)};
  }

  // ---- Ops ----

  void emit_on_first(const ProgramOp& op) {
    PlacedOp placed{0, op.id, op.inputs, op.outputs, {}, SF_NONE, false, op.params};
    for (const WeightId id : op.weights)
      placed.weights.push_back(builder_.weights().add(0, id, is_lookup(op.id)));
    builder_.add_op(std::move(placed));
  }

  // Each gets its own, so that it comes once and not at every use.
  void send_to_others(ValueId value) {
    for (std::uint32_t d = 1; d < n_devices_; ++d) {
      const ValueId own = builder_.make_own(d, value, program_.values[value].width);
      builder_.add_op({d, SF_OP_COPY, {value}, {own}, {}, SF_NONE, false, sf_no_params{}});
    }
    ++builder_.plan().forks;
  }

  void emit_everywhere(const ProgramOp& op) {
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
      PlacedOp placed = begin(op, d);
      for (const WeightId id : op.weights) placed.weights.push_back(builder_.weights().add(d, id));
      for (const ValueId v : op.outputs)
        placed.outputs.push_back(builder_.make_own(d, v, program_.values[v].width));
      builder_.add_op(std::move(placed));
    }
  }

  // An op that gives values by heads, or takes them: on each device for its own heads.
  void emit_heads(const ProgramOp& op) {
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
      PlacedOp placed = begin(op, d);
      for (const ValueId v : op.outputs)
        placed.outputs.push_back(
            builder_.make_own(d, v, heads(d, program_.values[v].width).size()));
      if (op.id == SF_OP_LINEAR)
        placed.weights = rows(d, op, heads(d, program_.values[op.outputs[0]].width));
      else
        for (const WeightId id : op.weights)
          placed.weights.push_back(builder_.weights().add(d, id));
      set_heads(placed.params, d);
      builder_.add_op(std::move(placed), heads(d, program_.hparams.n_kv_heads).size());
    }
  }

  void set_heads(OpParams& params, std::uint32_t device) const {
    if (auto* const rope = std::get_if<sf_rope_params>(&params)) {
      rope->n_heads = heads(device, rope->n_heads).size();
    } else if (auto* const attention = std::get_if<sf_attention_params>(&params)) {
      attention->n_heads = heads(device, attention->n_heads).size();
      attention->n_kv_heads = heads(device, attention->n_kv_heads).size();
    }
  }

  // With the device's own inputs; without weights and outputs.
  [[nodiscard]] PlacedOp begin(const ProgramOp& op, std::uint32_t device) const {
    PlacedOp placed{device, op.id, {}, {}, {}, SF_NONE, false, op.params};
    for (const ValueId v : op.inputs)
      placed.inputs.push_back(v == kNone ? kNone : builder_.here(device, v));
    return placed;
  }

  // Rows of a linear op's matrix, and the bias of those rows.
  std::vector<std::uint32_t> rows(std::uint32_t device, const ProgramOp& op, Range range) {
    PlanWeights& weights = builder_.weights();
    const auto [matrix, bias] = std::pair(op.weights[0], op.weights[1]);
    return {weights.add(device, slice_rows(weights.tensor(matrix), range.first, range.end)),
            bias == kNone
                ? SF_NONE
                : weights.add(device, slice_vector(weights.tensor(bias), range.first, range.end))};
  }

  // ---- Parts of the model ----

  void attention(const std::vector<ProgramOp>& ops) {
    const std::set<ValueId> by_heads = head_values(ops);
    const auto takes_or_gives = [&](const std::vector<ValueId>& values) {
      return std::any_of(values.begin(), values.end(),
                         [&](ValueId v) { return by_heads.contains(v); });
    };
    for (const ProgramOp& op : ops) {
      if (op.id == SF_OP_LINEAR && takes_or_gives(op.inputs))
        sum_over_heads(op);
      else if (takes_or_gives(op.inputs) || takes_or_gives(op.outputs))
        emit_heads(op);
      else
        emit_everywhere(op);
    }
  }

  // A linear op on a value that the devices have by heads: each multiplies its columns.
  void sum_over_heads(const ProgramOp& op) {
    PlanWeights& weights = builder_.weights();
    const WeightUpload whole = weights.tensor(op.weights[0]);
    std::vector<ValueId> partials;
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
      PlacedOp placed = begin(op, d);
      const Range columns = heads(d, whole.cols);
      const WeightId bias = d == 0 ? op.weights[1] : kNone;  // counts once
      placed.weights = {weights.add(d, slice_columns(whole, columns.first, columns.end)),
                        weights.add(d, bias)};
      partials.push_back(builder_.partial_sum());
      placed.outputs = {partials.back()};
      builder_.add_op(std::move(placed));
    }
    join(partials, op.outputs[0]);
  }

  void ffn(std::uint32_t layer) {
    const ProgramFfn& ffn = program_.layers[layer].ffn;
    const ValueId active = builder_.predict(layer, 0);
    if (active != kNone) ++builder_.plan().forks;
    std::vector<ValueId> partials;
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
      partials.push_back(builder_.partial_sum());
      const Range range = neurons(layer, d);
      if (builder_.is_dense(layer))
        builder_.dense_share(layer, d, range.first, range.end, partials.back());
      else
        builder_.neuron_share(layer, d, active, partials.back());
    }
    join(partials, ffn.output);
  }

  void join(const std::vector<ValueId>& partials, ValueId output) {
    for (std::uint32_t d = 0; d < n_devices_; ++d)
      builder_.join(d, partials, builder_.make_own(d, output, program_.hparams.d_model));
    ++builder_.plan().joins;
  }

  // Each device has a run of the vocabulary; the host puts them together.
  void emit_logits(const ProgramOp& op) {
    const std::vector<std::uint32_t>& bounds = placement_.shards->vocab;
    for (std::uint32_t d = 0; d < n_devices_; ++d) {
      const Range range{bounds[d], bounds[d + 1]};
      PlacedOp placed = begin(op, d);
      placed.weights = rows(d, op, range);
      placed.outputs = {builder_.make_own(d, program_.logits, range.size())};
      const ValueId logits = placed.outputs[0];
      builder_.add_op(std::move(placed));
      builder_.plan().logits.push_back(builder_.cutter().export_value(logits));
    }
    ++builder_.plan().joins;
  }

  PlanBuilder& builder_;
  const Program& program_;
  const Placement& placement_;
  const std::uint32_t n_devices_;
};

}  // namespace

void compile_shards(PlanBuilder& builder, const Program& program, const Placement& placement,
                    std::uint32_t n_devices) {
  ShardCompiler(builder, program, placement, n_devices).compile();
}

}  // namespace synfire
