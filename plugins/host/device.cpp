#include "plugins/host/device.hpp"

#include <cstddef>

#include "plugins/host/host_table.hpp"

namespace synfire::host {

Status Device::check(sf_error* error) const { return take_error(error, core_->plugin->context()); }

template <typename Made, typename Raw>
Result<Made> Device::made(sf_error* error, Raw* raw, const char* what) {
  SYNFIRE_RETURN_IF_ERROR(check(error));
  if (raw == nullptr)
    return synfire::error(StatusCode::internal, "{}: {} succeeded but gave nothing",
                          core_->plugin->context(), what);
  return Made(core_, raw);
}

bool Device::supports_op(const OpQuery& query) const {
  return api().supports_op(core_->device, &query.op, query.values, query.weights, query.neurons,
                           query.kv) != 0;
}

double Device::score(const OpQuery& query) const {
  return api().score(core_->device, &query.op, query.values, query.weights, query.neurons,
                     query.kv);
}

Result<DeviceMemory> Device::alloc(std::uint64_t bytes) {
  void* address = nullptr;
  sf_error* const error = api().alloc(core_->device, bytes, &address);
  return made<DeviceMemory>(error, address, "alloc");
}

Result<HostRegistration> Device::register_host_memory(void* address, std::uint64_t bytes) {
  if (api().register_host_memory == nullptr) return HostRegistration();
  SYNFIRE_RETURN_IF_ERROR(check(api().register_host_memory(core_->device, address, bytes)));
  return HostRegistration(core_, address);
}

Status Device::copy(void* to, std::uint32_t to_kind, const void* from, std::uint32_t from_kind,
                    std::uint64_t bytes) {
  return check(api().copy(core_->device, to, to_kind, from, from_kind, bytes));
}

Result<Weights> Device::upload_weights(const sf_tensor_desc& tensor) {
  sf_weights* weights = nullptr;
  sf_error* const error = api().upload_weights(core_->device, &tensor, &weights);
  return made<Weights>(error, weights, "upload_weights");
}

Result<Neurons> Device::create_neurons(const sf_neurons_desc& desc) {
  constexpr std::uint32_t kFirstWithBias = 2;
  if (desc.bias != nullptr && core_->plugin->abi_minor() < kFirstWithBias)
    return synfire::error(StatusCode::unimplemented, "{}: neurons with biases: ABI 1.{}, want 1.{}",
                          core_->plugin->context(), core_->plugin->abi_minor(), kFirstWithBias);
  constexpr std::uint32_t kFirstWithGateWeights = 3;
  if (desc.gate_weights != nullptr && core_->plugin->abi_minor() < kFirstWithGateWeights)
    return synfire::error(
        StatusCode::unimplemented, "{}: neurons with gate weights: ABI 1.{}, want 1.{}",
        core_->plugin->context(), core_->plugin->abi_minor(), kFirstWithGateWeights);
  sf_neurons* neurons = nullptr;
  sf_error* const error = api().create_neurons(core_->device, &desc, &neurons);
  return made<Neurons>(error, neurons, "create_neurons");
}

Status Device::upload_groups(const Neurons& neurons, std::span<const sf_group_source> groups) {
  const auto count = static_cast<std::uint32_t>(groups.size());
  return check(api().upload_groups(core_->device, neurons.get(), count, groups.data()));
}

Status Device::evict_groups(const Neurons& neurons, std::span<const std::uint32_t> ids) {
  const auto count = static_cast<std::uint32_t>(ids.size());
  return check(api().evict_groups(core_->device, neurons.get(), count, ids.data()));
}

Result<Kv> Device::create_kv(const sf_kv_desc& desc) {
  sf_kv* kv = nullptr;
  sf_error* const error = api().create_kv(core_->device, &desc, &kv);
  return made<Kv>(error, kv, "create_kv");
}

Result<Stage> Device::compile_stage(const sf_stage_desc& desc) {
  sf_stage* stage = nullptr;
  sf_error* const error = api().compile_stage(core_->device, &desc, &stage);
  return made<Stage>(error, stage, "compile_stage");
}

Status Device::submit(const Stage& stage, const sf_submission& submission) {
  return check(api().submit(core_->device, stage.get(), &submission));
}

Result<sf_measurement> Device::measure() {
  sf_measurement measurement{};
  measurement.struct_size = sizeof measurement;
  SYNFIRE_RETURN_IF_ERROR(check(api().measure(core_->device, &measurement)));
  return measurement;
}

Result<sf_counters> Device::counters() {
  constexpr std::size_t kEnd = offsetof(sf_backend_api, counters) + sizeof(api().counters);
  if (api().struct_size < kEnd || api().counters == nullptr)
    return synfire::error(StatusCode::unimplemented, "{}: it counts nothing",
                          core_->plugin->context());
  sf_counters counters{};
  counters.struct_size = sizeof counters;
  SYNFIRE_RETURN_IF_ERROR(check(api().counters(core_->device, &counters)));
  return counters;
}

}  // namespace synfire::host
