#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "plugins/host/backend.hpp"

namespace synfire::ops_test {

// Memory that an open device was told of, for ports, flags and batches. Handed out from the front;
// rewind() takes all of it back.
class PortMemory {
 public:
  explicit PortMemory(host::Device& device);

  void* take(std::size_t bytes);  // 64-byte aligned, zeroed
  template <typename T>
  T* copy_of(const std::vector<T>& values) {
    return static_cast<T*>(copy_bytes(values.data(), values.size() * sizeof(T)));
  }
  void rewind() { used_ = 0; }

 private:
  void* copy_bytes(const void* from, std::size_t bytes);

  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  host::HostRegistration registration_;
  std::size_t used_ = 0;
};

// A device of a backend plugin of this build, opened for a test; fails the test where it cannot be.
class TestDevice {
 public:
  explicit TestDevice(const std::string& backend, const host::Options& options = {},
                      std::uint32_t index = 0);

  // Opens and gives the error, for tests of opening.
  static Result<host::Device> open(const std::string& backend, const host::Options& options,
                                   std::uint32_t index = 0);
  // The plugin itself.
  static Result<host::Backend> backend(const std::string& name);

  [[nodiscard]] host::Device& operator*() { return *device_; }
  [[nodiscard]] host::Device* operator->() { return device_.get(); }
  [[nodiscard]] PortMemory& memory() { return *memory_; }

 private:
  std::unique_ptr<host::Device> device_;
  std::unique_ptr<PortMemory> memory_;
};

}  // namespace synfire::ops_test
