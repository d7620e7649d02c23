#include "tools/plugin_dirs.hpp"

#include <string>
#include <system_error>

#include "plugins/host/registry.hpp"

namespace synfire::cli {

Result<std::vector<std::filesystem::path>> plugin_dirs(const OptionValues& values) {
  std::vector<std::filesystem::path> folders;
  for (const std::string& folder : values.get<std::vector<std::string>>("plugin-dir")) {
    std::error_code failed;
    folders.push_back(std::filesystem::absolute(folder, failed));
    if (failed || folder.empty()) {
      return invalid_argument("{}: got '{}', want a folder", values.origin("plugin-dir"), folder);
    }
  }
  if (folders.empty()) {
    SYNFIRE_ASSIGN_OR_RETURN(std::filesystem::path beside, host::default_plugin_dir());
    folders.push_back(std::move(beside));
  }
  return folders;
}

}  // namespace synfire::cli
