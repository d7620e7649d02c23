#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "plugins/host/handle.hpp"

namespace synfire::host {

// Ends a device's work from any thread, at any time: after the device was closed it does nothing.
class Aborter {
 public:
  explicit Aborter(std::shared_ptr<AbortGate> gate) : gate_(std::move(gate)) {}
  void abort() const { gate_->abort(); }

 private:
  std::shared_ptr<AbortGate> gate_;
};

// An op as a device is asked about it; see sf_backend_api.supports_op. Borrowed for the call.
struct OpQuery {
  const sf_op& op;
  const sf_value_desc* values = nullptr;
  const sf_tensor_desc* weights = nullptr;   // of the op, in order
  const sf_neurons_desc* neurons = nullptr;  // null without
  const sf_kv_desc* kv = nullptr;            // null without
};

// One open device of a backend plugin. Move-only.
//
// The thread that opened it owns it: it makes every call, and releases it and everything made from
// it; only abort() and aborter() are for any thread (while the Device lives and is not moved; an
// Aborter outlives it). Errors carry the plugin's words behind "plugin NAME: ".
class Device {
 public:
  Device(std::shared_ptr<const LoadedPlugin> plugin, sf_device* device)
      : core_(std::make_shared<DeviceCore>(std::move(plugin), device)) {}
  Device(Device&&) = default;
  Device& operator=(Device&&) = default;

  [[nodiscard]] const std::string& plugin() const { return core_->plugin->name(); }

  [[nodiscard]] bool supports_op(const OpQuery& query) const;
  // Expected seconds for one token; negative = unknown.
  [[nodiscard]] double score(const OpQuery& query) const;

  Result<DeviceMemory> alloc(std::uint64_t bytes);
  // The memory stays the caller's; an empty registration where the device has no need of being
  // told.
  Result<HostRegistration> register_host_memory(void* address, std::uint64_t bytes);
  // Kinds are SF_MEMORY_*.
  Status copy(void* to, std::uint32_t to_kind, const void* from, std::uint32_t from_kind,
              std::uint64_t bytes);

  Result<Weights> upload_weights(const sf_tensor_desc& tensor);
  Result<Neurons> create_neurons(const sf_neurons_desc& desc);
  Status upload_groups(const Neurons& neurons, std::span<const sf_group_source> groups);
  Status evict_groups(const Neurons& neurons, std::span<const std::uint32_t> ids);
  Result<Kv> create_kv(const sf_kv_desc& desc);

  Result<Stage> compile_stage(const sf_stage_desc& desc);
  // An error here means that nothing runs and that notify is not called.
  Status submit(const Stage& stage, const sf_submission& submission);

  Result<sf_measurement> measure();
  // UNIMPLEMENTED where the plugin does not count, or is older than the call.
  Result<sf_counters> counters();

  void abort() const { core_->gate->abort(); }                            // any thread
  [[nodiscard]] Aborter aborter() const { return Aborter(core_->gate); }  // any thread

 private:
  [[nodiscard]] const sf_backend_api& api() const { return core_->plugin->backend(); }
  [[nodiscard]] Status check(sf_error* error) const;
  // The handle of what a call made, or why it did not.
  template <typename Made, typename Raw>
  Result<Made> made(sf_error* error, Raw* raw, const char* what);

  std::shared_ptr<DeviceCore> core_;
};

}  // namespace synfire::host
