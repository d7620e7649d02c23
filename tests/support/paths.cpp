#include "tests/support/paths.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace synfire::test {

namespace fs = std::filesystem;

fs::path data_file(std::string_view name) {
  return fs::path(SYNFIRE_SOURCE_DIR) / "tests/data" / name;
}

fs::path config_file(std::string_view name) {
  return fs::path(SYNFIRE_SOURCE_DIR) / "configs" / name;
}

fs::path shared_file(std::string_view name) {
  return fs::path(SYNFIRE_SOURCE_DIR).parent_path() / "shared/data" / name;
}

fs::path plugin_dir() { return fs::path(SYNFIRE_BUILD_DIR) / "lib/synfire/plugins"; }

fs::path test_plugin_dir() { return fs::path(SYNFIRE_BUILD_DIR) / "lib/synfire/test-plugins"; }

TempDir::TempDir() {
  std::string name = (fs::temp_directory_path() / "synfire-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace synfire::test
