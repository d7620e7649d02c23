#include <string>
#include <vector>

#include "plugins/host/registry.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/plugin_dirs.hpp"
#include "tools/table.hpp"

namespace synfire::cli {
namespace {

struct FoundDevice {
  std::string name;    // "cpu:0"
  Status status = {};  // not ok: the plugin could not describe it
  sf_device_info info{};
};

std::vector<FoundDevice> find_devices(const host::PluginRegistry& registry) {
  std::vector<FoundDevice> found;
  for (const host::Backend& backend : registry.backends()) {
    for (std::uint32_t i = 0; i < backend.device_count(); ++i) {
      FoundDevice device{.name = fmt::format("{}:{}", backend.name(), i)};
      const Result<sf_device_info> info = backend.describe(i);
      device.status = info.status();
      if (info.ok()) device.info = *info;
      found.push_back(std::move(device));
    }
  }
  return found;
}

std::string_view kind_name(std::uint32_t kind) {
  switch (kind) {
    case SF_DEVICE_CPU: return "cpu";
    case SF_DEVICE_GPU: return "gpu";
    default: return "other";
  }
}

std::string memory_text(std::uint64_t bytes) {
  return bytes == 0 ? "" : human_bytes(static_cast<double>(bytes));
}

boost::json::value to_json(const FoundDevice& device) {
  boost::json::object object{{"name", device.name}};
  if (!device.status.ok()) {
    object["error"] = json_text(device.status.message());
    return object;
  }
  object["kind"] = kind_name(device.info.kind);
  object["cores"] = device.info.cores;
  object["memory_total"] = device.info.memory_total;
  object["memory_free"] = device.info.memory_free;
  object["asynchronous"] = (device.info.flags & SF_DEVICE_ASYNC) != 0;
  object["unified_memory"] = (device.info.flags & SF_DEVICE_UNIFIED) != 0;
  object["description"] = json_text(device.info.description);
  return object;
}

void add_row(const FoundDevice& device, Table& table) {
  if (!device.status.ok()) {
    table.add({device.name, "", "", "", "", device.status.message()});
    return;
  }
  table.add({device.name, std::string(kind_name(device.info.kind)),
             std::to_string(device.info.cores), memory_text(device.info.memory_total),
             memory_text(device.info.memory_free), device.info.description});
}

}  // namespace

Status check_devices(const OptionValues&) { return {}; }

Result<int> devices(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto folders, plugin_dirs(values));
  SYNFIRE_ASSIGN_OR_RETURN(const host::PluginRegistry registry,
                           host::PluginRegistry::load(folders));
  const std::vector<FoundDevice> found = find_devices(registry);
  if (values.get<bool>("json")) {
    boost::json::array array;
    for (const FoundDevice& device : found) array.push_back(to_json(device));
    print_json({{"devices", std::move(array)}});
    return kExitOk;
  }
  Table table({{"DEVICE"},
               {"KIND"},
               {"CORES", Table::Align::right},
               {"MEMORY", Table::Align::right},
               {"FREE", Table::Align::right},
               {"DESCRIPTION"}});
  for (const FoundDevice& device : found) add_row(device, table);
  write_out(table.text());
  if (found.empty()) note("no device: no backend was loaded; `synfire plugins` says why\n");
  return kExitOk;
}

}  // namespace synfire::cli
