#include "tools/plan_option.hpp"

#include <algorithm>

namespace synfire::cli {
namespace {

// The index of a device; it is added where `may_add`, else NOT_FOUND.
Result<std::uint32_t> device_index(const std::string& name, bool may_add,
                                   std::vector<DeviceSpec>& devices) {
  const auto found =
      std::find_if(devices.begin(), devices.end(),
                   [&name](const DeviceSpec& device) { return device.to_string() == name; });
  if (found == devices.end()) {
    if (!may_add) return error(StatusCode::not_found, "device {}: not one of --device", name);
    SYNFIRE_ASSIGN_OR_RETURN(DeviceSpec device, parse_device_spec(name));
    devices.push_back(std::move(device));
    return static_cast<std::uint32_t>(devices.size() - 1);
  }
  return static_cast<std::uint32_t>(found - devices.begin());
}

}  // namespace

Status apply_plan_option(const OptionValues& values, EngineConfig& config) {
  const std::string* const path = values.find<std::string>("plan");
  if (path == nullptr) return {};
  SYNFIRE_ASSIGN_OR_RETURN(const PlanFile plan, read_plan_file(*path));
  return apply_plan(plan, *path, config);
}

Status apply_plan(const PlanFile& plan, const std::string& name, EngineConfig& config) {
  const bool may_add = config.devices.empty();
  config.group_size = plan.group_size;
  for (std::uint32_t layer = 0; layer < plan.layers.size(); ++layer) {
    for (const PlanFile::Device& device : plan.layers[layer].devices) {
      const Result<std::uint32_t> index = device_index(device.device, may_add, config.devices);
      if (!index.ok()) return index.status().with_context(fmt::format("{}: layer {}", name, layer));
      for (const PlanFile::Range& range : device.groups) {
        config.plan.push_back({layer, *index, range.first, range.last});
      }
    }
  }
  return {};
}

}  // namespace synfire::cli
