#include "tests/ops/test_device.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "plugins/host/registry.hpp"
#include "tests/support/paths.hpp"

namespace synfire::ops_test {
namespace {

constexpr std::size_t kPortBytes = 32u << 20;

const Result<host::PluginRegistry>& registry() {
  static const Result<host::PluginRegistry> loaded = [] {
    const std::array<std::filesystem::path, 2> folders{test::plugin_dir(), test::test_plugin_dir()};
    return host::PluginRegistry::load(folders);
  }();
  return loaded;
}

template <typename T>
T value_or_throw(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().to_string());
  return *std::move(result);
}

}  // namespace

void PortMemory::Free::operator()(std::byte* memory) const { std::free(memory); }

PortMemory::PortMemory(host::Device& device)
    : memory_(static_cast<std::byte*>(std::aligned_alloc(4096, kPortBytes))),
      registration_(value_or_throw(device.register_host_memory(memory_.get(), kPortBytes))) {}

void* PortMemory::take(std::size_t bytes) {
  if (used_ + bytes > kPortBytes) throw std::runtime_error("test: port memory is too small");
  void* const taken = memory_.get() + used_;
  std::memset(taken, 0, bytes);
  used_ = (used_ + bytes + 63) / 64 * 64;
  return taken;
}

void* PortMemory::copy_bytes(const void* from, std::size_t bytes) {
  void* const to = take(bytes);
  if (bytes != 0) std::memcpy(to, from, bytes);
  return to;
}

Result<host::Backend> TestDevice::backend(const std::string& name) {
  if (!registry().ok()) return registry().status();
  return (*registry()).require_backend(name);
}

Result<host::Device> TestDevice::open(const std::string& backend, const host::Options& options,
                                      std::uint32_t index) {
  SYNFIRE_ASSIGN_OR_RETURN(const host::Backend plugin, TestDevice::backend(backend));
  return plugin.open_device(index, options);
}

TestDevice::TestDevice(const std::string& backend, const host::Options& options,
                       std::uint32_t index)
    : device_(std::make_unique<host::Device>(value_or_throw(open(backend, options, index)))),
      memory_(std::make_unique<PortMemory>(*device_)) {}

}  // namespace synfire::ops_test
