#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "plugins/host/loaded_plugin.hpp"

namespace synfire::host {

// What any thread may do to a device, also when it is being closed or was closed: abort it.
class AbortGate {
 public:
  AbortGate(const sf_backend_api& api, sf_device* device) : api_(api), device_(device) {}

  void abort() {
    const std::lock_guard lock(mutex_);
    if (device_ != nullptr) api_.abort(device_);
  }
  // From now on abort() does nothing.
  void shut() {
    const std::lock_guard lock(mutex_);
    device_ = nullptr;
  }

 private:
  const sf_backend_api& api_;  // of a LoadedPlugin, used only while the device is open
  std::mutex mutex_;
  sf_device* device_;
};

// An open device, shared by the Device and everything made from it, so that it is closed after all
// of them. Made, used and released on the device's owning thread.
struct DeviceCore {
  DeviceCore(std::shared_ptr<const LoadedPlugin> from, sf_device* opened)
      : plugin(std::move(from)),
        device(opened),
        gate(std::make_shared<AbortGate>(plugin->backend(), opened)) {}
  ~DeviceCore() {
    gate->shut();
    plugin->backend().close_device(device);
  }
  DeviceCore(const DeviceCore&) = delete;
  DeviceCore& operator=(const DeviceCore&) = delete;

  std::shared_ptr<const LoadedPlugin> plugin;
  sf_device* device;
  std::shared_ptr<AbortGate> gate;
};

}  // namespace synfire::host
