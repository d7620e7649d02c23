#include "core/engine/assets.hpp"

#include <algorithm>
#include <utility>

#include "core/base/log.hpp"
#include "core/engine/fabric.hpp"
#include "core/engine/kv_dtype.hpp"
#include "core/engine/predictor_assets.hpp"
#include "core/model/arch/families.hpp"
#include "core/model/tokenizer/read_vocab.hpp"
#include "core/runtime/shard_rules.hpp"
#include "core/runtime/stage_compiler.hpp"
#include "core/tensor/host_region.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kDefaultContext = 8192;  // at most, where nothing is said
constexpr std::uint32_t kBlockTokens = 32;
constexpr std::uint32_t kMaxContext = 1U << 24;
constexpr std::uint32_t kMaxSequences = 1024;
constexpr std::uint32_t kMaxPrefillChunk = 4096;

// A spec's options as a plugin takes them; -t reaches the CPU devices that say nothing of their
// own.
host::Options plugin_options(const DeviceSpec& spec, const EngineConfig& config,
                             const sf_device_info& info) {
  host::Options options(spec.options.begin(), spec.options.end());
  const bool says = spec.options.contains("threads") || spec.options.contains("cores");
  if (config.threads > 0 && !says && info.kind == SF_DEVICE_CPU && info.cores > 1)
    options.emplace_back("threads", std::to_string(config.threads));
  return options;
}

Result<DeviceChoice> choose(const host::PluginRegistry& plugins, const DeviceSpec& spec,
                            const EngineConfig& config) {
  SYNFIRE_ASSIGN_OR_RETURN(const host::Backend backend, plugins.require_backend(spec.plugin));
  SYNFIRE_ASSIGN_OR_RETURN(const sf_device_info info, backend.describe(spec.index));
  return DeviceChoice{spec.to_string(), backend, spec.index, plugin_options(spec, config, info),
                      info};
}

// The best device that there is: GPUs before CPUs, then the one with most cores.
Result<DeviceSpec> default_device(const host::PluginRegistry& plugins) {
  std::optional<DeviceSpec> best;
  std::pair<bool, std::uint32_t> best_rank;
  for (const host::Backend& backend : plugins.backends()) {
    for (std::uint32_t index = 0; index < backend.device_count(); ++index) {
      const Result<sf_device_info> info = backend.describe(index);
      if (!info.ok()) continue;
      const std::pair rank{info->kind == SF_DEVICE_GPU, info->cores};
      if (best && rank <= best_rank) continue;
      best = DeviceSpec{backend.name(), index, {}};
      best_rank = rank;
    }
  }
  if (!best)
    return error(StatusCode::failed_precondition,
                 "no backend plugin offers a device; `synfire plugins` shows why");
  return *best;
}

Status place(EngineAssets& assets, const EngineConfig& config) {
  const auto n_devices = static_cast<std::uint32_t>(assets.devices.size());
  const Hparams& h = assets.program.hparams;
  if (config.group_size == 0 || config.group_size > h.d_ff)
    return invalid_argument("group size: {}, want 1 to {}", config.group_size, h.d_ff);
  const ShardRuns runs = shard_runs(assets.program, assets.file, config.group_size);
  const PlacementShape shape{h.n_layers,   h.d_ff,    config.group_size, n_devices,
                             h.n_kv_heads, h.n_vocab, runs.kv_heads,     runs.groups};
  const bool divides = n_devices > 1 || !config.plan.empty();  // a plan may name one device only
  assets.placement_kind =
      config.placement.value_or(divides ? PlacementKind::neuron : PlacementKind::single);
  if (config.split && !config.plan.empty())
    return invalid_argument("split: given together with a plan, want one of them");
  if (!config.plan.empty() && assets.placement_kind != PlacementKind::neuron)
    return invalid_argument("plan: divides neurons, want placement neuron");
  Result<Placement> placement = place_single(shape);
  switch (assets.placement_kind) {
    case PlacementKind::single:
      if (n_devices != 1)
        return invalid_argument("placement single: {} devices, want one", n_devices);
      break;
    case PlacementKind::layer: placement = place_layers(shape, config.split); break;
    case PlacementKind::neuron:
      placement = config.plan.empty() ? place_neurons(shape, config.split)
                                      : place_by_plan(shape, config.plan);
      break;
    case PlacementKind::shard: placement = place_shards(shape, config.split); break;
  }
  if (!placement.ok()) return placement.status();
  assets.placement = *std::move(placement);
  return {};
}

Status size_memory(EngineAssets& assets, const EngineConfig& config) {
  const Hparams& h = assets.program.hparams;
  assets.context = config.context != 0 ? config.context : std::min(h.context, kDefaultContext);
  if (assets.context > kMaxContext)
    return invalid_argument("context: {}, want 1 to {}", assets.context, kMaxContext);
  if (assets.context > h.context && h.learned_positions)
    return invalid_argument("context: {}, want at most the {} positions that the model has",
                            assets.context, h.context);
  if (assets.context > h.context)
    log::warning("context {}: the model was trained for {}", assets.context, h.context);
  if (config.max_sequences == 0 || config.max_sequences > kMaxSequences)
    return invalid_argument("max sequences: {}, want 1 to {}", config.max_sequences, kMaxSequences);
  if (config.prefill_chunk == 0 || config.prefill_chunk > kMaxPrefillChunk)
    return invalid_argument("prefill chunk: {}, want 1 to {}", config.prefill_chunk,
                            kMaxPrefillChunk);
  SYNFIRE_ASSIGN_OR_RETURN(const DType kv_dtype, kv_dtype_of(config.kv_dtype, h.head_dim));
  const std::uint32_t blocks = (assets.context + kBlockTokens - 1) / kBlockTokens;
  if (std::uint64_t{blocks} * config.max_sequences > UINT32_MAX)
    return invalid_argument("context {} x {} sequences: want fewer KV blocks", assets.context,
                            config.max_sequences);
  assets.kv = {blocks * config.max_sequences, kBlockTokens, h.n_kv_heads, h.head_dim, kv_dtype};
  // All running sequences can generate in one step.
  assets.limits = {std::max(std::min(config.prefill_chunk, assets.context), config.max_sequences),
                   config.max_sequences, blocks};
  return {};
}

// Neuron-major copies of `down`.
std::uint64_t down_bytes(const DevicePlan& plan) {
  std::uint64_t bytes = 0;
  for (const NeuronUpload& upload : plan.neurons)
    bytes +=
        upload.groups.size() * upload.group_size * row_bytes(upload.down_dtype, upload.d_model);
  return bytes;
}

// What a device copies: that, and columns cut from matrices. Everything else of a CPU device is a
// view of the file.
std::uint64_t copied_bytes(const DevicePlan& plan) {
  std::uint64_t bytes = down_bytes(plan);
  for (const WeightUpload& upload : plan.weights)
    if (upload.row_stride != 0) bytes += upload.bytes();
  return bytes;
}

// Of a device's layers.
KvShape device_kv(const EngineAssets& assets, DeviceId device) {
  KvShape shape = assets.kv;
  shape.n_kv_heads = assets.plan.devices[device].n_kv_heads;
  return shape;
}

// Before anything is allocated: better an error now than the system's killer later.
Status check_host_memory(const EngineAssets& assets) {
  std::uint64_t needed = Fabric::bytes(assets.plan, assets.limits.max_tokens);
  for (DeviceId d = 0; d < assets.devices.size(); ++d)
    if ((assets.devices[d].info.flags & SF_DEVICE_UNIFIED) != 0)
      needed += most_kv_bytes(assets, d) +
                (assets.packs(d) ? weight_bytes(assets, d) : copied_bytes(assets.plan.devices[d]));
  const std::uint64_t available = available_host_memory();
  if (available == 0 || needed <= available) return {};
  constexpr std::uint64_t kMiB = 1U << 20;
  return error(
      StatusCode::resource_exhausted,
      "host memory: {} MiB needed for weights, KV cache and ports, {} MiB available; want a "
      "smaller context, fewer "
      "sequences or a smaller kv dtype",
      needed / kMiB, available / kMiB);
}

}  // namespace

Result<std::vector<DeviceChoice>> choose_devices(const host::PluginRegistry& plugins,
                                                 const EngineConfig& config) {
  std::vector<DeviceSpec> specs = config.devices;
  if (specs.empty()) {
    SYNFIRE_ASSIGN_OR_RETURN(DeviceSpec best, default_device(plugins));
    specs.push_back(std::move(best));
  }
  std::vector<DeviceChoice> devices;
  for (const DeviceSpec& spec : specs) {
    SYNFIRE_ASSIGN_OR_RETURN(DeviceChoice choice, choose(plugins, spec, config));
    devices.push_back(std::move(choice));
  }
  return devices;
}

std::uint64_t kv_bytes(const EngineAssets& assets, DeviceId device) {
  return device_kv(assets, device).bytes_per_layer() * assets.plan.devices[device].kv_layers.size();
}

std::uint64_t most_kv_bytes(const EngineAssets& assets, DeviceId device) {
  return device_kv(assets, device).most_bytes_per_layer() *
         assets.plan.devices[device].kv_layers.size();
}

std::uint64_t weight_bytes(const EngineAssets& assets, DeviceId device) {
  const DevicePlan& plan = assets.plan.devices[device];
  std::uint64_t bytes = down_bytes(plan);
  for (const WeightUpload& upload : plan.weights) bytes += upload.bytes();
  for (const NeuronUpload& upload : plan.neurons)
    for (const WeightUpload* rows : {&upload.gate, &upload.up})
      if (rows->data != nullptr)
        bytes += upload.groups.size() * upload.group_size * row_bytes(rows->dtype, rows->cols);
  return bytes;
}

Result<std::shared_ptr<EngineAssets>> prepare_assets(const EngineConfig& config) {
  SYNFIRE_ASSIGN_OR_RETURN(GgufFile file, GgufFile::open(config.model));
  SYNFIRE_ASSIGN_OR_RETURN(host::PluginRegistry plugins,
                           host::PluginRegistry::load(config.plugin_dirs));
  auto assets = std::make_shared<EngineAssets>(std::move(file), std::move(plugins));
  SYNFIRE_ASSIGN_OR_RETURN(assets->program, build_program(assets->file, config.ffn_activation));
  if (assets->file.find("tokenizer.ggml.model") != nullptr) {
    SYNFIRE_ASSIGN_OR_RETURN(Vocab vocab, read_vocab(assets->file));
    SYNFIRE_ASSIGN_OR_RETURN(assets->tokenizer, Tokenizer::create(std::move(vocab)));
  }
  SYNFIRE_ASSIGN_OR_RETURN(assets->devices, choose_devices(assets->plugins, config));
  SYNFIRE_RETURN_IF_ERROR(place(*assets, config));
  SYNFIRE_RETURN_IF_ERROR(open_predictor(*assets, config));
  SYNFIRE_RETURN_IF_ERROR(size_memory(*assets, config));
  if (config.tap_gates && (config.tap == 0 || assets->devices.size() != 1))
    return invalid_argument("tap of gates: {} devices{}, want one and a tap of inputs",
                            assets->devices.size(), config.tap == 0 ? " and no tap" : "");
  const CompileOptions options{static_cast<std::uint32_t>(assets->devices.size()), config.ffn_chunk,
                               config.tap, config.tap_gates};
  SYNFIRE_ASSIGN_OR_RETURN(assets->plan,
                           compile_stages(assets->program, assets->file, assets->placement,
                                          assets->predictor_program, options));
  SYNFIRE_RETURN_IF_ERROR(check_host_memory(*assets));
  for (DeviceId d = 0; d < assets->devices.size(); ++d)
    assets->all_bytes += weight_bytes(*assets, d);
  assets->on_load = config.on_load;
  return assets;
}

}  // namespace synfire
