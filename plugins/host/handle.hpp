#pragma once

#include <memory>
#include <utility>

#include "plugins/host/device_core.hpp"

namespace synfire::host {

// Something that a device made, released with it. Move-only; empty when default-made or moved from.
//
// Made and released on the device's owning thread. Stages go before the weights, neurons and KV
// storage that they name; the device itself stays open until the last handle went.
template <typename Raw, auto Release>
class Handle {
 public:
  Handle() = default;
  Handle(std::shared_ptr<DeviceCore> core, Raw* raw) : core_(std::move(core)), raw_(raw) {}
  Handle(Handle&& other) noexcept
      : core_(std::move(other.core_)), raw_(std::exchange(other.raw_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    Handle old(std::move(*this));
    core_ = std::move(other.core_);
    raw_ = std::exchange(other.raw_, nullptr);
    return *this;
  }
  ~Handle() {
    if (raw_ != nullptr) (core_->plugin->backend().*Release)(core_->device, raw_);
  }

  [[nodiscard]] Raw* get() const { return raw_; }
  explicit operator bool() const { return raw_ != nullptr; }

 private:
  std::shared_ptr<DeviceCore> core_;
  Raw* raw_ = nullptr;
};

using Weights = Handle<sf_weights, &sf_backend_api::release_weights>;
using Neurons = Handle<sf_neurons, &sf_backend_api::release_neurons>;
using Kv = Handle<sf_kv, &sf_backend_api::release_kv>;
using Stage = Handle<sf_stage, &sf_backend_api::release_stage>;
// Memory of the device, and host memory that the device was told of.
using DeviceMemory = Handle<void, &sf_backend_api::free>;
using HostRegistration = Handle<void, &sf_backend_api::unregister_host_memory>;

}  // namespace synfire::host
