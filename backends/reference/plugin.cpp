#include <unistd.h>

#include <string>

#include "backends/reference/kernels.hpp"
#include "plugins/sdk/kernel_device.hpp"
#include "plugins/sdk/option_reader.hpp"

namespace synfire::reference {
namespace {

struct Backend {
  static constexpr const char* kName = "reference";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription = "scalar float32 on one core: the oracle of the tests";

  static std::uint32_t device_count() { return 1; }
  static void describe(std::uint32_t, sf_device_info& info) {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    info.kind = SF_DEVICE_CPU;
    info.flags = SF_DEVICE_UNIFIED;
    info.cores = 1;
    info.memory_total = page * static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
    info.memory_free = page * static_cast<std::uint64_t>(sysconf(_SC_AVPHYS_PAGES));
    sdk::set_description(info, "one core, scalar");
  }
  static std::unique_ptr<sdk::Device> open(std::uint32_t index, const sf_options& options) {
    sdk::OptionReader(std::string("reference:") + std::to_string(index), options).finish();
    return std::make_unique<sdk::KernelDevice>(&find_kernel);
  }
};

}  // namespace
}  // namespace synfire::reference

SYNFIRE_BACKEND_PLUGIN(synfire::reference::Backend)
