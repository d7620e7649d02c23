#include "core/engine/engine_info.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "core/runtime/dense_layers.hpp"

namespace synfire {
namespace {

std::string placement_name(PlacementKind kind) {
  switch (kind) {
    case PlacementKind::single: return "single";
    case PlacementKind::layer: return "layer";
    case PlacementKind::neuron: return "neuron";
    case PlacementKind::shard: return "shard";
  }
  return "";
}

// A mean over layers, where every layer says something.
std::string mean_share(const std::vector<PredictorLayer>& layers, double PredictorLayer::*member) {
  double sum = 0;
  for (const PredictorLayer& layer : layers) {
    if (layer.*member < 0) return "unknown";
    sum += layer.*member;
  }
  return fmt::format("{:.3f}", sum / static_cast<double>(layers.size()));
}

// "threshold: lossy, neurons are left out where |act(gate)| <= 0.012 to 0.34".
std::string threshold_note(const PredictorProgram& predictor) {
  const auto [least, most] =
      std::minmax_element(predictor.layers.begin(), predictor.layers.end(),
                          [](const PredictorLayer& a, const PredictorLayer& b) {
                            return a.gate_threshold < b.gate_threshold;
                          });
  return fmt::format(
      "predictor {}: lossy: leaves out neurons whose weighed |act(gate)| is at most {:.3g} "
      "to {:.3g}, by layer",
      predictor.name, least->gate_threshold, most->gate_threshold);
}

// What the predictor says of itself.
std::string predictor_note(const PredictorProgram& predictor) {
  if (std::any_of(predictor.layers.begin(), predictor.layers.end(),
                  std::mem_fn(&PredictorLayer::drops)))
    return std::all_of(predictor.dense_layers.begin(), predictor.dense_layers.end(),
                       std::identity())
               ? fmt::format("predictor {}: leaves nothing out", predictor.name)
               : threshold_note(predictor);
  std::uint64_t bytes = 0;
  for (const PredictorLayer& layer : predictor.layers) bytes += layer.bytes_per_token;
  return fmt::format("predictor {}: reads {:.2f} MB per token; recall {}, precision {}",
                     predictor.name, static_cast<double>(bytes) / 1e6,
                     mean_share(predictor.layers, &PredictorLayer::recall),
                     mean_share(predictor.layers, &PredictorLayer::precision));
}

std::string attention_device(const EngineAssets& assets, const LayerPlan& layer) {
  if (!assets.placement.shards) return assets.devices[layer.attention].name;
  std::string names;
  for (const DeviceChoice& device : assets.devices)
    names += (names.empty() ? "" : "+") + device.name;
  return names;
}

// "shard: KV heads 2 + 2, vocabulary rows 256 + 256".
std::string shard_note(const Shards& shards) {
  const auto parts = [](const std::vector<std::uint32_t>& bounds) {
    std::string text;
    for (std::size_t d = 0; d + 1 < bounds.size(); ++d)
      text += fmt::format("{}{}", d == 0 ? "" : " + ", bounds[d + 1] - bounds[d]);
    return text;
  };
  return fmt::format("shard: KV heads {}, vocabulary rows {}", parts(shards.kv_heads),
                     parts(shards.vocab));
}

std::vector<LayerSparsity> layer_sparsity(const EngineAssets& assets) {
  const PredictorProgram& predictor = assets.predictor_program;
  std::vector<LayerSparsity> layers;
  for (std::uint32_t i = 0; i < assets.program.layers.size(); ++i) {
    LayerSparsity& layer = layers.emplace_back();
    layer.bytes = ffn_bytes(assets.program, assets.file, predictor, i);
    if (predictor.computes_all(i)) continue;
    layer.by = predictor.computes_gates(i) ? LayerSparsity::By::gates : LayerSparsity::By::scores;
    if (layer.by == LayerSparsity::By::gates) continue;
    layer.verified = predictor.layers[i].gate_rule != SF_GATE_NONE;
    layer.threshold = predictor.layers[i].score_threshold;
  }
  return layers;
}

}  // namespace

std::string main_dtype(const GgufFile& file) {
  std::map<std::string_view, std::uint64_t> bytes;
  for (const GgufTensor& tensor : file.tensors())
    bytes[dtype_info(tensor.dtype).name] += tensor.data.size();
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? "" : std::string(most->first);
}

ModelInfo model_info(const EngineAssets& assets) {
  const GgufFile& file = assets.file;
  const Hparams& h = assets.program.hparams;
  const auto text = [&](const char* key) {
    const Result<std::string> value = file.get_or<std::string>(key, "");
    return value.ok() ? *value : std::string();
  };
  ModelInfo info{};
  info.name = text("general.name");
  info.path = file.path();
  info.architecture = h.architecture;
  info.description = text("general.description");
  info.license = text("general.license");
  info.n_layers = h.n_layers;
  info.d_model = h.d_model;
  info.d_ff = h.d_ff;
  info.n_heads = h.n_heads;
  info.n_kv_heads = h.n_kv_heads;
  info.n_vocab = h.n_vocab;
  info.context_trained = h.context;
  info.context = assets.context;
  info.activation = activation_name(h.activation);
  info.weight_dtype = main_dtype(file);
  for (const GgufTensor& tensor : file.tensors()) {
    info.parameters += tensor.elements();
    info.weight_bytes += tensor.data.size();
  }
  return info;
}

std::vector<PluginStatus> plugin_statuses(const EngineAssets& assets) {
  std::vector<PluginStatus> all;
  for (const host::PluginRecord& record : assets.plugins.records())
    all.push_back({record.path.string(), record.name, std::string(host::to_string(record.kind)),
                   record.version, record.loaded() ? "" : record.status.message()});
  return all;
}

PlacementInfo placement_info(const EngineAssets& assets) {
  PlacementInfo info;
  info.kind = placement_name(assets.placement_kind);
  info.predictor = assets.predictor_program.name;
  info.epoch = assets.placement.epoch;
  const PredictorProgram& predictor = assets.predictor_program;
  for (std::uint32_t layer = 0; layer < predictor.layers.size(); ++layer) {
    if (predictor.computes_all(layer)) continue;
    for (const WeightUpload& weight : predictor.layers[layer].weights)
      info.predictor_bytes += weight.rows * row_bytes(weight.dtype, weight.cols);
  }
  for (std::uint32_t layer = 0; layer < predictor.dense_layers.size(); ++layer) {
    const ProgramFfn& ffn = assets.program.layers[layer].ffn;
    if (!predictor.dense_layers[layer] || ffn.down_is_neuron_major) continue;
    for (const WeightId id : {ffn.gate, ffn.up, ffn.down})
      if (id != kNone)
        info.dense_ffn_bytes += assets.file.tensor(assets.program.weights[id].name)->data.size();
  }
  info.sparsity = layer_sparsity(assets);
  info.notes = assets.plan.notes;
  if (assets.placement.shards)
    info.notes.insert(info.notes.begin(), shard_note(*assets.placement.shards));
  if (assets.predictor_program.kind == Prediction::plugin)
    info.notes.push_back(predictor_note(assets.predictor_program));
  if (const auto n = std::count(predictor.dense_layers.begin(), predictor.dense_layers.end(), true))
    info.notes.push_back(fmt::format(
        "dense: {} of {} layers, where so many neurons are active that all are read faster", n,
        assets.program.layers.size()));
  const std::uint32_t group_size = assets.placement.group_size;
  const std::uint32_t d_ff = assets.program.hparams.d_ff;
  for (std::uint32_t layer = 0; layer < assets.placement.layers.size(); ++layer) {
    const LayerPlan& plan = assets.placement.layers[layer];
    LayerPlacement& made = info.layers.emplace_back();
    made.layer = layer;
    made.attention_device = attention_device(assets, plan);
    for (DeviceId d = 0; d < plan.groups.size(); ++d) {
      std::uint32_t neurons = 0;
      for (const std::uint32_t group : plan.groups[d])
        neurons += std::min(group_size, d_ff - group * group_size);
      if (neurons > 0) made.neurons.emplace_back(assets.devices[d].name, neurons);
    }
  }
  return info;
}

}  // namespace synfire
