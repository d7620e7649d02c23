#include <string>

#include "plugins/host/registry.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/plugin_dirs.hpp"
#include "tools/table.hpp"

namespace synfire::cli {
namespace {

std::string abi_of(const host::PluginRecord& record) {
  if (record.abi_major == 0) return "";
  return fmt::format("{}.{}", record.abi_major, record.abi_minor);
}

boost::json::value to_json(const host::PluginRecord& record) {
  boost::json::object object{{"path", record.path.string()},
                             {"kind", host::to_string(record.kind)},
                             {"name", json_text(record.name)},
                             {"version", json_text(record.version)},
                             {"description", json_text(record.description)},
                             {"abi", abi_of(record)},
                             {"loaded", record.loaded()}};
  if (!record.loaded()) object["error"] = json_text(record.status.message());
  return object;
}

void print_table(const std::vector<host::PluginRecord>& records) {
  Table table({{"NAME"}, {"KIND"}, {"VERSION"}, {"ABI"}, {"STATUS"}, {"FILE"}});
  for (const host::PluginRecord& record : records) {
    table.add({record.name, std::string(host::to_string(record.kind)), record.version,
               abi_of(record), record.loaded() ? "loaded" : "FAILED", record.path.string()});
  }
  write_out(table.text());
  for (const host::PluginRecord& record : records) {
    if (!record.loaded())
      print("\n{}: {}\n", record.path.filename().string(), record.status.message());
  }
}

}  // namespace

Status check_plugins(const OptionValues&) { return {}; }

Result<int> plugins(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto folders, plugin_dirs(values));
  SYNFIRE_ASSIGN_OR_RETURN(const host::PluginRegistry registry,
                           host::PluginRegistry::load(folders));
  if (values.get<bool>("json")) {
    boost::json::array array;
    for (const host::PluginRecord& record : registry.records()) array.push_back(to_json(record));
    print_json({{"plugins", std::move(array)}});
    return kExitOk;
  }
  for (const auto& folder : folders) note("plugins of {}\n", folder.string());
  if (registry.records().empty()) {
    note("none there\n");
  } else {
    print_table(registry.records());
  }
  return kExitOk;
}

}  // namespace synfire::cli
