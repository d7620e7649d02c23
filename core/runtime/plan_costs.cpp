#include "core/runtime/plan_costs.hpp"

#include <algorithm>
#include <set>

#include "core/runtime/plan_weights.hpp"

namespace synfire {
namespace {

// Bytes of one neuron's rows, as devices keep them.
struct NeuronBytes {
  std::uint64_t gate = 0, up = 0, down = 0;

  [[nodiscard]] std::uint64_t all() const { return gate + up + down; }
  // Of the row that decides, and of the others.
  [[nodiscard]] std::uint64_t deciding() const { return gate != 0 ? gate : up; }
  [[nodiscard]] std::uint64_t following() const { return all() - deciding(); }
};

std::uint64_t tensor_bytes(const PlanModel& model, WeightId id) {
  return id == kNone ? 0 : model.file.tensor(model.program.weights[id].name)->data.size();
}

NeuronBytes neuron_bytes(const PlanModel& model, const ProgramFfn& ffn) {
  const Hparams& h = model.program.hparams;
  const DType file_dtype = model.file.tensor(model.program.weights[ffn.down].name)->dtype;
  const DType down =
      ffn.down_is_neuron_major ? file_dtype : neuron_major_dtype(model.program, file_dtype);
  return {tensor_bytes(model, ffn.gate) / h.d_ff, tensor_bytes(model, ffn.up) / h.d_ff,
          row_bytes(down, h.d_model)};
}

// What an active neuron makes a device read: its own rows, and a share of those of neurons that
// were guessed and do not fire.
double active_bytes(const NeuronBytes& bytes, const PredictorLayer& layer) {
  const double asked = layer.precision > 0 ? 1 / layer.precision : 1;
  if (layer.gate_rule == SF_GATE_NONE) return asked * static_cast<double>(bytes.all());
  return asked * static_cast<double>(bytes.deciding()) + static_cast<double>(bytes.following());
}

PlanLayer layer_costs(const PlanModel& model, std::uint32_t index, const LayerActivity& activity,
                      const NeuronOrder& order, std::uint32_t group_size) {
  const ProgramFfn& ffn = model.program.layers[index].ffn;
  const NeuronBytes bytes = neuron_bytes(model, ffn);
  const bool computes_all = model.predictor.computes_all(index);
  PlanLayer layer;
  double stream = 0;  // of a neuron
  if (computes_all) {
    stream = static_cast<double>(bytes.all());
    if (!ffn.down_is_neuron_major)
      layer.whole = {tensor_bytes(model, ffn.gate) + tensor_bytes(model, ffn.up) +
                     tensor_bytes(model, ffn.down)};
  } else if (model.predictor.computes_gates(index)) {
    stream = static_cast<double>(bytes.deciding());
    layer.active_bytes = static_cast<double>(bytes.following());
  } else {
    layer.active_bytes = active_bytes(bytes, model.predictor.layers[index]);
  }
  const auto rows = static_cast<double>(bytes.gate != 0 ? 3 : 2);
  layer.bytes_per_weight = static_cast<double>(bytes.all()) / rows / model.program.hparams.d_model;
  for (std::size_t first = 0; first < order.size(); first += group_size) {
    const std::uint64_t n = std::min<std::uint64_t>(group_size, order.size() - first);
    layer.bytes.push_back(n * bytes.all());
    layer.stream_bytes.push_back(static_cast<double>(n) * stream);
  }
  layer.active = count_active(activity, order, group_size);
  return layer;
}

// Everything but the FFNs.
void add_home(const PlanModel& model, PlanProblem& problem) {
  std::set<WeightId> kept, read;
  const auto add = [&](const std::vector<ProgramOp>& ops) {
    for (const ProgramOp& op : ops)
      for (const WeightId id : op.weights)
        if (id != kNone) (kept.insert(id), op.id == SF_OP_EMBED ? void() : void(read.insert(id)));
  };
  add(model.program.prologue);
  add(model.program.epilogue);
  for (const ProgramLayer& layer : model.program.layers) {
    add(layer.before_ffn);
    add(layer.after_ffn);
  }
  problem.home_bytes = model.kv_bytes;
  problem.home_stream_bytes = static_cast<double>(model.kv_read_bytes);
  for (const WeightId id : kept) problem.home_bytes += tensor_bytes(model, id);
  for (const WeightId id : read)
    problem.home_stream_bytes += static_cast<double>(tensor_bytes(model, id));
  for (std::uint32_t i = 0; i < model.predictor.layers.size(); ++i) {
    if (model.predictor.computes_all(i)) continue;
    problem.home_stream_bytes += static_cast<double>(model.predictor.layers[i].bytes_per_token);
    for (const WeightUpload& weight : model.predictor.layers[i].weights)
      problem.home_bytes += weight.bytes();
  }
}

}  // namespace

Result<PlanProblem> plan_problem_of(const PlanModel& model, const ActivationProfile& profile,
                                    const std::vector<NeuronOrder>& orders,
                                    std::uint32_t group_size) {
  const Hparams& h = model.program.hparams;
  if (profile.layers.size() != h.n_layers || orders.size() != h.n_layers)
    return invalid_argument("profile: {} layers, the model has {}", profile.layers.size(),
                            h.n_layers);
  PlanProblem problem;
  problem.n_tokens = profile.layers.front().n_tokens();
  for (std::uint32_t i = 0; i < h.n_layers; ++i) {
    const LayerActivity& activity = profile.layers[i];
    if (activity.d_ff() != h.d_ff || activity.n_tokens() != problem.n_tokens)
      return invalid_argument("profile: layer {}: {} neurons and {} tokens, want {} and {}", i,
                              activity.d_ff(), activity.n_tokens(), h.d_ff, problem.n_tokens);
    problem.layers.push_back(layer_costs(model, i, activity, orders[i], group_size));
  }
  add_home(model, problem);
  return problem;
}

}  // namespace synfire
