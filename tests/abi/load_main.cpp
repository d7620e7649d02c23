#include <cstdio>
#include <filesystem>
#include <vector>

#include "plugins/host/registry.hpp"

// abi_load DIRECTORY BACKEND: loads the plugins of a directory as the program does, and opens the
// first device of one of them. For tests of plugins that were built elsewhere.
namespace synfire {
namespace {

Status load_and_open(const std::filesystem::path& directory, const char* name) {
  SYNFIRE_ASSIGN_OR_RETURN(const host::PluginRegistry registry,
                           host::PluginRegistry::load(std::vector{directory}));
  SYNFIRE_ASSIGN_OR_RETURN(const host::Backend backend, registry.require_backend(name));
  SYNFIRE_ASSIGN_OR_RETURN(const sf_device_info info, backend.describe(0));
  SYNFIRE_RETURN_IF_ERROR(backend.open_device(0, {}));
  std::printf("%s:0 is %s\n", name, info.description);
  return {};
}

}  // namespace
}  // namespace synfire

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: abi_load DIRECTORY BACKEND\n");
    return 2;
  }
  const synfire::Status status = synfire::load_and_open(argv[1], argv[2]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return status.ok() ? 0 : 1;
}
