#include <string>

#include "tests/support/async_backend/async_device.hpp"

namespace synfire::async_backend {
namespace {

struct Backend {
  static constexpr const char* kName = "async";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription =
      "for tests: behaves like a GPU, computes like the reference";

  static std::uint32_t device_count() { return 2; }
  static void describe(std::uint32_t, sf_device_info& info) {
    info.kind = SF_DEVICE_OTHER;
    info.flags = SF_DEVICE_ASYNC;
    info.cores = 1;
    sdk::set_description(info, "a thread with memory of its own");
  }
  static std::unique_ptr<sdk::Device> open(std::uint32_t index, const sf_options& options) {
    const std::string name = std::string("async:") + std::to_string(index);
    return std::make_unique<AsyncDevice>(AsyncOptions::read(name, options));
  }
};

}  // namespace
}  // namespace synfire::async_backend

SYNFIRE_BACKEND_PLUGIN(synfire::async_backend::Backend)
