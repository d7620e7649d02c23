#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "plugins/host/device.hpp"
#include "plugins/host/loaded_plugin.hpp"
#include "plugins/host/options.hpp"

namespace synfire::host {

// A backend plugin. A cheap copyable reference; any thread.
class Backend {
 public:
  explicit Backend(std::shared_ptr<const LoadedPlugin> plugin) : plugin_(std::move(plugin)) {}

  [[nodiscard]] const std::string& name() const { return plugin_->name(); }
  [[nodiscard]] std::uint32_t device_count() const;
  // OUT_OF_RANGE where there is no such device.
  [[nodiscard]] Result<sf_device_info> describe(std::uint32_t index) const;
  // The calling thread becomes the device's owner.
  [[nodiscard]] Result<Device> open_device(std::uint32_t index, const Options& options) const;

 private:
  [[nodiscard]] Status check_index(std::uint32_t index) const;

  std::shared_ptr<const LoadedPlugin> plugin_;
};

}  // namespace synfire::host
