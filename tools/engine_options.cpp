#include "tools/engine_options.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tools/format.hpp"
#include "tools/output.hpp"
#include "tools/plan_option.hpp"
#include "tools/plugin_dirs.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

std::uint32_t number(const OptionValues& values, std::string_view name) {
  return static_cast<std::uint32_t>(values.get<std::uint64_t>(name));
}

std::optional<PlacementKind> placement_of(const OptionValues& values) {
  const std::string kind = values.get<std::string>("placement");
  if (kind == "single") return PlacementKind::single;
  if (kind == "layer") return PlacementKind::layer;
  if (kind == "neuron") return PlacementKind::neuron;
  if (kind == "shard") return PlacementKind::shard;
  return std::nullopt;  // not given; the option table knows no other
}

// "cpu:0: attention of 8 layers, 12288 neurons".
void describe_placement(const PlacementInfo& placement) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> shares;  // layers, neurons
  for (const LayerPlacement& layer : placement.layers) {
    ++shares[layer.attention_device].first;
    for (const auto& [device, neurons] : layer.neurons) shares[device].second += neurons;
  }
  for (const auto& [device, share] : shares) {
    const std::string attention =
        share.first == 0 ? "" : fmt::format("attention of {} layers", share.first);
    const std::string neurons = share.second == 0 ? "" : fmt::format("{} neurons", share.second);
    const char* const comma = attention.empty() || neurons.empty() ? "" : ", ";
    note("  {}: {}{}{}\n", device, attention, comma, neurons);
  }
  for (const std::string& text : placement.notes) note("  {}\n", text);
}

// How far loading is, from the devices' threads; silent once the engine is made (a device that is
// restarted loads again).
class LoadProgress {
 public:
  void at(std::uint64_t done, std::uint64_t all) {
    const std::lock_guard lock(mutex_);
    if (progress_) progress_->at(done >> 20, all >> 20, "MiB");
  }
  void end() {
    const std::lock_guard lock(mutex_);
    progress_.reset();
  }

 private:
  std::mutex mutex_;
  std::optional<Progress> progress_{std::in_place, "loading"};
};

}  // namespace

Status check_engine_options(const OptionValues& values) {
  if (values.get<std::string>("model").empty())
    return invalid_argument("--model: missing, want a file");
  if (values.is_set("split") && values.is_set("plan")) {
    return invalid_argument("{} and {}: want one of them", values.origin("split"),
                            values.origin("plan"));
  }
  return {};
}

Result<EngineConfig> engine_config(const OptionValues& values) {
  EngineConfig config;
  config.model = values.get<std::string>("model");
  SYNFIRE_ASSIGN_OR_RETURN(config.plugin_dirs, plugin_dirs(values));
  config.devices = values.get<std::vector<DeviceSpec>>("device");
  config.placement = placement_of(values);
  if (const double* split = values.find<double>("split")) config.split = *split;
  SYNFIRE_RETURN_IF_ERROR(apply_plan_option(values, config));
  config.predictor = values.get<std::string>("predictor");
  if (const double* threshold = values.find<double>("predictor-threshold")) {
    config.predictor_threshold = *threshold;
  }
  config.ffn_activation = values.get<std::string>("ffn-activation");
  config.down_dtype = values.get<std::string>("down-dtype");
  config.context = number(values, "ctx");
  config.threads = number(values, "threads");
  config.kv_dtype = values.get<std::string>("kv-dtype");
  config.prefill_chunk = number(values, "prefill-chunk");
  config.step_timeout = values.get<Duration>("step-timeout");
  config.ffn_chunk = number(values, "ffn-chunk");
  config.max_sequences = values.has("max-sequences") ? number(values, "max-sequences") : 1;
  if (values.has("queue")) config.queue = number(values, "queue");
  return config;
}

Result<std::unique_ptr<Engine>> open_engine(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(EngineConfig config, engine_config(values));
  return open_engine(std::move(config));
}

Result<std::unique_ptr<Engine>> open_engine(EngineConfig config) {
  const auto progress = std::make_shared<LoadProgress>();
  config.on_load = [progress](std::uint64_t done, std::uint64_t all) { progress->at(done, all); };
  Result<std::unique_ptr<Engine>> engine = Engine::make(config);
  progress->end();
  return engine;
}

void describe_engine(const Engine& engine) {
  const ModelInfo model = engine.model();
  const PlacementInfo placement = engine.placement();
  note("model: {} ({}, {}, {} parameters, {})\n", model.name, model.architecture,
       model.weight_dtype, human_count(static_cast<double>(model.parameters)),
       human_bytes(static_cast<double>(model.weight_bytes)));
  for (const DeviceStatus& device : engine.devices()) {
    note("device: {} ({}): {} weights, {} KV cache\n", device.name, device.description,
         human_bytes(static_cast<double>(device.weight_bytes)),
         human_bytes(static_cast<double>(device.kv_bytes)));
  }
  note("placement: {}; predictor: {}; context: {}\n", placement.kind, placement.predictor,
       model.context);
  describe_placement(placement);
}

}  // namespace synfire::cli
