#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "plugins/host/registry.hpp"
#include "tests/support/paths.hpp"

namespace synfire::test {

// A folder of links to chosen test plugins, for a registry to load.
class PluginFolder {
 public:
  // Names are files of the test plugins, without `.so`.
  explicit PluginFolder(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const std::filesystem::path file = name + ".so";
      const std::filesystem::path own = test_plugin_dir() / "abi" / file;
      const bool shared = !std::filesystem::exists(own);
      std::filesystem::create_symlink(shared ? test_plugin_dir() / file : own, path() / file);
    }
  }

  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] Result<host::PluginRegistry> load() const {
    return host::PluginRegistry::load(std::vector{path()});
  }

 private:
  TempDir folder_;
};

}  // namespace synfire::test
