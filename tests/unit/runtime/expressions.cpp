#include "tests/unit/runtime/expressions.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace synfire::test {
namespace {

// FNV-1a.
Expression hash(std::string_view text) {
  Expression h = 14695981039346656037U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return h | 1;  // never absent
}

struct Op {
  std::uint32_t id = 0;
  std::vector<Expression> inputs;
  std::vector<std::string> weights;
  std::string neurons;
  OpParams params = sf_no_params{};
};

Expression expression_of(const Op& op) {
  std::string text = fmt::format("{}", op.id);
  for (const Expression input : op.inputs) text += fmt::format(" x{}", input);
  for (const std::string& weight : op.weights) text += fmt::format(" w'{}'", weight);
  text += " " + op.neurons;
  const ParamBytes params = param_bytes(op.params);
  const auto* const bytes = static_cast<const unsigned char*>(params.data);
  for (std::uint32_t i = 0; i < params.size; ++i) text += fmt::format(".{}", bytes[i]);
  return hash(text);
}

std::string neurons_of(std::uint32_t layer, const std::vector<std::uint32_t>& groups) {
  std::string text = fmt::format("layer {} groups", layer);
  for (const std::uint32_t group : groups) text += fmt::format(" {}", group);
  return text;
}

// The model layer of an op that touches KV storage.
std::uint32_t* kv_layer(OpParams& params) {
  if (auto* const kv = std::get_if<sf_kv_params>(&params)) return &kv->layer;
  if (auto* const attention = std::get_if<sf_attention_params>(&params)) return &attention->layer;
  return nullptr;
}

// Evaluates an op, and follows what it does to the KV storage.
Expression apply(Op op, std::map<std::uint32_t, Expression>& kv) {
  const std::uint32_t* const layer = kv_layer(op.params);
  if (layer != nullptr && op.id == SF_OP_ATTENTION) op.inputs.push_back(kv[*layer]);
  const Expression made = expression_of(op);
  if (layer != nullptr && op.id == SF_OP_KV_WRITE) kv[*layer] = made;
  return made;
}

// The logits of a plan whose devices have parts of the vocabulary.
Expression in_a_row(const std::vector<Expression>& parts) {
  return parts.size() == 1 ? parts.front()
                           : expression_of({SF_NONE, parts, {}, "", sf_no_params{}});
}

// ---- Programs ----

class ProgramWalk {
 public:
  ProgramWalk(const Program& program, const Placement& placement, const PredictorProgram& predictor)
      : program_(program),
        placement_(placement),
        predictor_(predictor),
        values_(program.values.size()) {}

  Expression logits() {
    if (placement_.shards) return sharded_logits();
    run(program_.prologue);
    for (std::uint32_t layer = 0; layer < program_.layers.size(); ++layer) {
      run(program_.layers[layer].before_ffn);
      values_[program_.layers[layer].ffn.output] = ffn(layer);
      run(program_.layers[layer].after_ffn);
    }
    run(program_.epilogue);
    return values_[program_.logits];
  }

 private:
  [[nodiscard]] Expression at(ValueId v) const { return v == kNone ? 0 : values_[v]; }
  [[nodiscard]] std::string name(WeightId w) const {
    return w == kNone ? "" : program_.weights[w].name;
  }

  void run(const std::vector<ProgramOp>& ops) {
    for (const ProgramOp& op : ops) {
      Op made{op.id, {}, {}, "", op.params};
      for (const ValueId v : op.inputs) made.inputs.push_back(at(v));
      for (const WeightId w : op.weights) made.weights.push_back(name(w));
      const Expression result = apply(made, kv_);
      if (!op.outputs.empty()) values_[op.outputs[0]] = result;
    }
  }

  // ---- Placement shard ----

  [[nodiscard]] std::size_t n_devices() const { return placement_.shards->vocab.size() - 1; }

  static Expression sum(const std::vector<Expression>& parts) {
    Expression sum = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i)
      sum = expression_of({SF_OP_ADD, {sum, parts[i]}, {}, "", sf_no_params{}});
    return sum;
  }

  Expression sharded_logits() {
    run(program_.prologue);
    for (std::uint32_t layer = 0; layer < program_.layers.size(); ++layer) {
      attention_by_heads(layer);
      values_[program_.layers[layer].ffn.output] = ffn_by_neurons(layer);
      run(program_.layers[layer].after_ffn);
    }
    std::vector<ProgramOp> epilogue = program_.epilogue;
    const ProgramOp head = epilogue.back();
    epilogue.pop_back();
    run(epilogue);
    std::vector<Expression> parts;
    for (std::size_t d = 0; d < n_devices(); ++d) {
      const std::string rows =
          fmt::format("[{}:{}]", placement_.shards->vocab[d], placement_.shards->vocab[d + 1]);
      parts.push_back(expression_of(
          {head.id, {at(head.inputs[0])}, {name(head.weights[0]) + rows, ""}, "", head.params}));
    }
    return in_a_row(parts);
  }

  [[nodiscard]] std::string heads_text(std::size_t device, std::uint64_t width) const {
    const std::uint64_t each = width / program_.hparams.n_kv_heads;
    return fmt::format("{}:{}", placement_.shards->kv_heads[device] * each,
                       placement_.shards->kv_heads[device + 1] * each);
  }
  void scale_heads(OpParams& params, std::size_t device) const {
    const std::uint32_t kv_heads =
        placement_.shards->kv_heads[device + 1] - placement_.shards->kv_heads[device];
    const auto scale = [&](std::uint32_t& n) { n = n / program_.hparams.n_kv_heads * kv_heads; };
    if (auto* const rope = std::get_if<sf_rope_params>(&params)) scale(rope->n_heads);
    if (auto* const attention = std::get_if<sf_attention_params>(&params)) {
      scale(attention->n_heads);
      scale(attention->n_kv_heads);
    }
  }

  void attention_by_heads(std::uint32_t layer) {
    std::map<ValueId, std::vector<Expression>> by_heads;  // by device
    std::vector<std::map<std::uint32_t, Expression>> kv(n_devices());
    for (const ProgramOp& op : program_.layers[layer].before_ffn) {
      const std::string weight = op.weights.empty() ? "" : name(op.weights[0]);
      const auto has = [&](const char* part) { return weight.find(part) != std::string::npos; };
      std::vector<Expression> results;
      for (std::size_t d = 0; d < n_devices(); ++d) {
        Op made{op.id, {}, {}, "", op.params};
        for (const ValueId v : op.inputs)
          made.inputs.push_back(by_heads.contains(v) ? by_heads[v][d] : at(v));
        for (const WeightId w : op.weights) made.weights.push_back(name(w));
        const std::uint64_t rows = op.outputs.empty() ? 0 : program_.values[op.outputs[0]].width;
        if (has("attn_q.") || has("attn_k.") || has("attn_v.")) {
          for (std::string& text : made.weights)
            if (!text.empty()) text += "[" + heads_text(d, rows) + "]";
        } else if (has("attn_output.")) {
          made.weights[0] += "[:, " + heads_text(d, program_.weights[op.weights[0]].cols) + "]";
          if (d != 0) made.weights[1] = "";
        }
        scale_heads(made.params, d);
        results.push_back(apply(made, kv[d]));
      }
      if (op.outputs.empty()) continue;
      if (has("attn_output."))
        values_[op.outputs[0]] = sum(results);
      else if (has("norm"))
        values_[op.outputs[0]] = results[0];
      else if (op.id == SF_OP_ADD)
        values_[op.outputs[0]] = results[0];
      else
        by_heads[op.outputs[0]] = results;
    }
  }

  [[nodiscard]] Expression ffn_by_neurons(std::uint32_t layer) const {
    const ProgramFfn& f = program_.layers[layer].ffn;
    std::vector<Expression> parts;
    for (const auto& groups : placement_.layers[layer].groups) {
      const std::uint32_t first = groups.front() * placement_.group_size;
      const std::uint32_t end =
          std::min((groups.back() + 1) * placement_.group_size, program_.hparams.d_ff);
      if (predictor_.kind == Prediction::none && !f.down_is_neuron_major)
        parts.push_back(
            dense(f, fmt::format("[{}:{}]", first, end), fmt::format("[:, {}:{}]", first, end)));
      else
        parts.push_back(share(layer, neurons_of(layer, groups)));
    }
    return sum(parts);
  }

  // ---- FFNs ----

  Expression ffn(std::uint32_t layer) {
    const ProgramFfn& f = program_.layers[layer].ffn;
    const auto& groups = placement_.layers[layer].groups;
    const auto owners = std::count_if(groups.begin(), groups.end(),
                                      [](const auto& owned) { return !owned.empty(); });
    if (predictor_.kind == Prediction::none && owners == 1 && !f.down_is_neuron_major)
      return dense(f);
    Expression sum = 0;
    for (const auto& owned : groups) {
      if (owned.empty()) continue;
      const Expression part = share(layer, neurons_of(layer, owned));
      sum = sum == 0 ? part : expression_of({SF_OP_ADD, {sum, part}, {}, "", sf_no_params{}});
    }
    return sum;
  }

  // By matrices: of the rows of gate and up, and the columns of down, that are named.
  [[nodiscard]] Expression dense(const ProgramFfn& f, const std::string& rows = "",
                                 const std::string& columns = "") const {
    const auto linear = [&](Expression x, WeightId w, const std::string& part) {
      return expression_of({SF_OP_LINEAR, {x}, {name(w) + part, ""}, "", sf_no_params{}});
    };
    const Expression up = linear(at(f.input), f.up, rows);
    const Expression gate = f.gate == kNone ? 0 : linear(at(f.input), f.gate, rows);
    const std::vector<Expression> inputs =
        gate == 0 ? std::vector<Expression>{up, 0} : std::vector{gate, up};
    const Expression hidden = expression_of(
        {SF_OP_ACTIVATE, inputs, {}, "", sf_activate_params{program_.hparams.activation}});
    return linear(hidden, f.down, columns);
  }

  [[nodiscard]] Expression share(std::uint32_t layer, const std::string& neurons) const {
    const Expression x = at(program_.layers[layer].ffn.input);
    const std::uint32_t activation = program_.hparams.activation;
    sf_neuron_ffn_params params{activation, SF_GATE_NONE, 0, 0};
    Expression active = 0, gates = 0;
    if (predictor_.kind == Prediction::exact) {
      params.gate_rule = SF_GATE_POSITIVE;
      gates = expression_of({SF_OP_NEURON_GATE, {x}, {}, neurons, sf_no_params{}});
      active = expression_of(
          {SF_OP_SELECT, {gates}, {}, neurons, sf_select_params{SF_GATE_POSITIVE, activation, 0}});
    } else if (predictor_.kind == Prediction::plugin) {
      params.gate_rule = predictor_.layers[layer].gate_rule;
      params.gate_threshold = predictor_.layers[layer].gate_threshold;
      active = predicted(layer);
    }
    return expression_of({SF_OP_NEURON_FFN, {x, active, gates}, {}, neurons, params});
  }

  [[nodiscard]] Expression predicted(std::uint32_t layer) const {
    const PredictorLayer& p = predictor_.layers[layer];
    const ProgramLayer& here = program_.layers[layer];
    const ProgramLayer& before = program_.layers[layer == 0 ? 0 : layer - 1];
    const std::map<std::uint32_t, ValueId> taps{
        {SF_TAP_LAYER_INPUT, here.layer_input},
        {SF_TAP_FFN_RESIDUAL, here.ffn_residual},
        {SF_TAP_FFN_INPUT, here.ffn.input},
        {SF_TAP_PREVIOUS_FFN_INPUT, before.ffn.input},
    };
    std::vector<Expression> values(p.values.size());
    values[0] = at(taps.at(p.tap));
    for (const ProgramOp& op : p.ops) {
      Op made{op.id, {}, {}, "", op.params};
      for (const ValueId v : op.inputs) made.inputs.push_back(v == kNone ? 0 : values[v]);
      for (const WeightId w : op.weights)
        made.weights.push_back(w == kNone ? "" : p.weights[w].name);
      values[op.outputs[0]] = expression_of(made);
    }
    return expression_of(
        {SF_OP_SELECT,
         {values[p.scores]},
         {},
         "",
         sf_select_params{SF_GATE_POSITIVE, program_.hparams.activation, p.score_threshold}});
  }

  const Program& program_;
  const Placement& placement_;
  const PredictorProgram& predictor_;
  std::vector<Expression> values_;
  std::map<std::uint32_t, Expression> kv_;
};

// ---- Plans ----

class PlanWalk {
 public:
  explicit PlanWalk(const ExecutionPlan& plan)
      : plan_(plan), next_(plan.devices.size()), kv_(plan.devices.size()) {
    signalled_.resize(plan.channels.size());
    for (std::uint32_t c = 0; c < plan.channels.size(); ++c) {
      const Channel& channel = plan.channels[c];
      connect(out_, channel.from, c, "output");
      for (const PortRef& to : channel.to) connect(in_, to, c, "input");
    }
  }

  PlanRun run() {
    while (result_.error.empty() && run_some()) {
    }
    for (std::uint32_t d = 0; d < next_.size(); ++d)
      if (result_.error.empty() && next_[d] < plan_.devices[d].stages.size())
        result_.error = fmt::format("device {}: stage {} waits for ever", d, next_[d]);
    std::vector<Expression> logits;
    for (const std::uint32_t channel : plan_.logits)
      logits.push_back(signalled_[channel].value_or(0));
    if (result_.error.empty()) result_.logits = in_a_row(logits);
    return std::move(result_);
  }

 private:
  using Key = std::array<std::uint32_t, 3>;

  void connect(std::map<Key, std::uint32_t>& ports, const PortRef& port, std::uint32_t channel,
               const char* kind) {
    if (!ports.try_emplace(Key{port.device, port.stage, port.port}, channel).second)
      fail(fmt::format("{} port {} of stage {} of device {} has two channels", kind, port.port,
                       port.stage, port.device));
  }

  void fail(std::string error) {
    if (result_.error.empty()) result_.error = std::move(error);
  }

  bool run_some() {
    bool moved = false;
    for (std::uint32_t d = 0; d < next_.size(); ++d) {
      while (next_[d] < plan_.devices[d].stages.size() && ready(d, next_[d])) {
        run_stage(d, next_[d]++);
        moved = true;
      }
    }
    return moved;
  }

  bool ready(std::uint32_t d, std::uint32_t s) {
    const StageSpec& stage = plan_.devices[d].stages[s];
    for (std::uint32_t port = 0; port < stage.inputs.size(); ++port) {
      const auto channel = in_.find({d, s, port});
      if (channel == in_.end()) fail(fmt::format("device {}: stage {}: loose input", d, s));
      if (channel == in_.end() || !signalled_[channel->second]) return false;
    }
    return true;
  }

  void run_stage(std::uint32_t d, std::uint32_t s) {
    const StageSpec& stage = plan_.devices[d].stages[s];
    result_.order.push_back(fmt::format("{}: {}", d, stage.name));
    std::vector<std::optional<Expression>> values(stage.values.size());
    for (std::uint32_t port = 0; port < stage.inputs.size(); ++port)
      values[stage.inputs[port]] = signalled_[in_.at({d, s, port})];
    for (const StageOp& op : stage.ops) run_op(d, stage, op, values);
    for (std::uint32_t port = 0; port < stage.outputs.size(); ++port) {
      const auto channel = out_.find({d, s, port});
      if (channel == out_.end() || !values[stage.outputs[port]])
        return fail(fmt::format("device {}: stage {}: loose or unwritten output", d, s));
      signalled_[channel->second] = values[stage.outputs[port]];
    }
  }

  void run_op(std::uint32_t d, const StageSpec& stage, const StageOp& op,
              std::vector<std::optional<Expression>>& values) {
    const auto is_port = [](const std::vector<std::uint32_t>& ports, std::uint32_t v) {
      return std::find(ports.begin(), ports.end(), v) != ports.end();
    };
    Op made{op.id, {}, {}, "", op.params};
    for (const std::uint32_t v : op.inputs) {
      if (v != SF_NONE && !values[v]) return fail(stage.name + ": read before it is written");
      if (v != SF_NONE && op.id != SF_OP_COPY && is_port(stage.inputs, v))
        return fail(stage.name + ": an op reads a port");
      made.inputs.push_back(v == SF_NONE ? 0 : *values[v]);
    }
    for (const std::uint32_t w : op.weights)
      made.weights.push_back(w == SF_NONE ? "" : plan_.devices[d].weights[w].name);
    if (op.neurons != SF_NONE) {
      const NeuronUpload& upload = plan_.devices[d].neurons[op.neurons];
      made.neurons = neurons_of(upload.layer, upload.groups);
    }
    if (std::uint32_t* const layer = kv_layer(made.params)) {
      if (!op.uses_kv) return fail(stage.name + ": KV op without KV");
      *layer = plan_.devices[d].kv_layers[*layer];
    }
    const Expression result = op.id == SF_OP_COPY ? made.inputs[0] : apply(made, kv_[d]);
    for (const std::uint32_t v : op.outputs) {
      if (values[v]) return fail(stage.name + ": written twice");
      if (op.id != SF_OP_COPY && is_port(stage.outputs, v))
        return fail(stage.name + ": an op writes a port");
      values[v] = result;
    }
  }

  const ExecutionPlan& plan_;
  std::vector<std::uint32_t> next_;                      // by device: its next stage
  std::vector<std::map<std::uint32_t, Expression>> kv_;  // by device
  std::map<Key, std::uint32_t> in_, out_;                // {device, stage, port} -> channel
  std::vector<std::optional<Expression>> signalled_;     // by channel
  PlanRun result_;
};

}  // namespace

Expression expected_logits(const Program& program, const Placement& placement,
                           const PredictorProgram& predictor) {
  return ProgramWalk(program, placement, predictor).logits();
}

PlanRun run_plan(const ExecutionPlan& plan) { return PlanWalk(plan).run(); }

}  // namespace synfire::test
