#include "tools/plan_option.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "core/model/sidecar.hpp"
#include "tools/output.hpp"

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

std::filesystem::path plan_sidecar(const std::filesystem::path& model) {
  return sidecar_path(model, "plan.yaml");
}

std::string followed_plan(const OptionValues& values) {
  if (const std::string* const path = values.find<std::string>("plan")) return *path;
  const Command command = values.command();
  if (command != Command::run && command != Command::serve && command != Command::bench) return {};
  for (const char* const name : {"device", "placement", "split"})
    if (values.is_set(name)) return {};
  const std::filesystem::path beside = plan_sidecar(values.get<std::string>("model"));
  std::error_code missing;
  return std::filesystem::exists(beside, missing) ? beside.string() : std::string();
}

Status apply_plan_option(const OptionValues& values, EngineConfig& config) {
  const std::string path = followed_plan(values);
  if (path.empty()) return {};
  SYNFIRE_ASSIGN_OR_RETURN(const PlanFile plan, read_plan_file(path));
  if (!values.is_set("plan")) note("plan: {}\n", path);
  return apply_plan(plan, path, config);
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
