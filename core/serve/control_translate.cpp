#include "core/serve/control_translate.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include "core/model/tokenizer/utf8.hpp"

namespace synfire {
namespace {

// Texts from files and loaders need not be UTF-8, those of messages must be.
std::string text(std::string_view bytes) { return utf8::replace_invalid(bytes); }

}  // namespace

v1::GetModelInfoResponse to_proto(const ModelInfo& model) {
  v1::GetModelInfoResponse response;
  response.set_name(text(model.name));
  response.set_path(text(model.path));
  response.set_architecture(text(model.architecture));
  response.set_description(text(model.description));
  response.set_license(text(model.license));
  response.set_n_layers(model.n_layers);
  response.set_d_model(model.d_model);
  response.set_d_ff(model.d_ff);
  response.set_n_heads(model.n_heads);
  response.set_n_kv_heads(model.n_kv_heads);
  response.set_n_vocab(model.n_vocab);
  response.set_context_trained(model.context_trained);
  response.set_context(model.context);
  response.set_activation(text(model.activation));
  response.set_weight_dtype(text(model.weight_dtype));
  response.set_parameters(model.parameters);
  response.set_weight_bytes(model.weight_bytes);
  return response;
}

ModelInfo from_proto(const v1::GetModelInfoResponse& model) {
  ModelInfo result{};
  result.name = model.name();
  result.path = model.path();
  result.architecture = model.architecture();
  result.description = model.description();
  result.license = model.license();
  result.n_layers = model.n_layers();
  result.d_model = model.d_model();
  result.d_ff = model.d_ff();
  result.n_heads = model.n_heads();
  result.n_kv_heads = model.n_kv_heads();
  result.n_vocab = model.n_vocab();
  result.context_trained = model.context_trained();
  result.context = model.context();
  result.activation = model.activation();
  result.weight_dtype = model.weight_dtype();
  result.parameters = model.parameters();
  result.weight_bytes = model.weight_bytes();
  return result;
}

v1::ListDevicesResponse to_proto(const std::vector<DeviceStatus>& devices) {
  v1::ListDevicesResponse response;
  for (const DeviceStatus& device : devices) {
    v1::Device& entry = *response.add_devices();
    entry.set_name(text(device.name));
    entry.set_description(text(device.description));
    entry.set_lost(device.lost);
    entry.set_lost_reason(text(device.lost_reason));
    entry.set_weight_bytes(device.weight_bytes);
    entry.set_kv_bytes(device.kv_bytes);
  }
  return response;
}

v1::ListPluginsResponse to_proto(const std::vector<PluginStatus>& plugins) {
  v1::ListPluginsResponse response;
  for (const PluginStatus& plugin : plugins) {
    v1::Plugin& entry = *response.add_plugins();
    entry.set_path(text(plugin.path));
    entry.set_name(text(plugin.name));
    entry.set_kind(text(plugin.kind));
    entry.set_version(text(plugin.version));
    entry.set_error(text(plugin.error));
  }
  return response;
}

v1::GetPlacementResponse to_proto(const PlacementInfo& placement) {
  v1::GetPlacementResponse response;
  response.set_kind(placement.kind);
  response.set_predictor(placement.predictor);
  response.set_epoch(placement.epoch);
  for (const LayerPlacement& layer : placement.layers) {
    v1::GetPlacementResponse::Layer& entry = *response.add_layers();
    entry.set_layer(layer.layer);
    entry.set_attention_device(text(layer.attention_device));
    for (const auto& [device, neurons] : layer.neurons) {
      v1::GetPlacementResponse::Share& share = *entry.add_shares();
      share.set_device(text(device));
      share.set_neurons(neurons);
    }
  }
  for (const std::string& note : placement.notes) response.add_notes(text(note));
  return response;
}

v1::GetStatsResponse to_proto(const EngineStats& stats) {
  v1::GetStatsResponse response;
  response.set_requests_started(stats.requests_started);
  response.set_requests_finished(stats.requests_finished);
  response.set_requests_failed(stats.requests_failed);
  response.set_requests_cancelled(stats.requests_cancelled);
  response.set_requests_refused(stats.requests_refused);
  response.set_requests_running(stats.requests_running);
  response.set_requests_waiting(stats.requests_waiting);
  response.set_steps(stats.steps);
  response.set_prompt_tokens(stats.prompt_tokens);
  response.set_generated_tokens(stats.generated_tokens);
  response.set_forks(stats.forks);
  response.set_joins(stats.joins);
  using Microseconds = std::chrono::microseconds;
  const auto uptime = std::chrono::duration_cast<Microseconds>(stats.uptime).count();
  response.set_uptime_us(static_cast<std::uint64_t>(uptime));
  return response;
}

}  // namespace synfire
