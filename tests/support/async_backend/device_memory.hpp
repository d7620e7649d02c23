#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace synfire::async_backend {

// Memory that the host cannot touch: each allocation is mapped twice, without any access where the
// host gets to know it, and readable where only this plugin does. Whoever reads or writes a device
// address without copy() dies of SIGSEGV, as it should. One thread.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  ~DeviceMemory();

  // A device address; page-aligned, zeroed.
  void* alloc(std::size_t bytes);
  void free(void* address);
  // Where `bytes` bytes at a device address can be touched. INVALID_ARGUMENT where they are not of
  // one allocation.
  std::byte* touchable(const void* address, std::size_t bytes) const;

 private:
  struct Mapping {
    std::byte* inside;  // readable alias
    std::size_t bytes;  // whole pages
  };
  static void unmap(std::byte* exposed, const Mapping& mapping);

  std::map<std::byte*, Mapping> mappings_;  // by exposed address
};

}  // namespace synfire::async_backend
