#include "tests/support/async_backend/device_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "plugins/sdk/error.hpp"

namespace synfire::async_backend {
namespace {

[[noreturn]] void fail(const char* what, std::size_t bytes) {
  throw sdk::Error(sdk::kResourceExhausted, std::string("async: ") + what + " of " +
                                                std::to_string(bytes) +
                                                " bytes: " + std::strerror(errno));
}

// An unnamed file of memory, closed when it goes; mappings of it stay.
class MemoryFile {
 public:
  explicit MemoryFile(std::size_t bytes)
      : file_(memfd_create("synfire-async-device", MFD_CLOEXEC)) {
    if (file_ < 0) fail("memfd_create", bytes);
    if (ftruncate(file_, static_cast<off_t>(bytes)) != 0) {
      close(file_);
      fail("ftruncate", bytes);
    }
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::byte* map(std::size_t bytes, int protection) const {
    void* const memory = mmap(nullptr, bytes, protection, MAP_SHARED, file_, 0);
    if (memory == MAP_FAILED) fail("mmap", bytes);
    return static_cast<std::byte*>(memory);
  }

 private:
  int file_;
};

}  // namespace

DeviceMemory::~DeviceMemory() {
  for (const auto& [exposed, mapping] : mappings_) unmap(exposed, mapping);
}

void DeviceMemory::unmap(std::byte* exposed, const Mapping& mapping) {
  munmap(exposed, mapping.bytes);
  munmap(mapping.inside, mapping.bytes);
}

void* DeviceMemory::alloc(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t whole = (std::max<std::size_t>(bytes, 1) + page - 1) / page * page;
  const MemoryFile file(whole);
  std::byte* const inside = file.map(whole, PROT_READ | PROT_WRITE);
  std::byte* const exposed = file.map(whole, PROT_NONE);
  mappings_[exposed] = {inside, whole};
  return exposed;
}

void DeviceMemory::free(void* address) {
  const auto found = mappings_.find(static_cast<std::byte*>(address));
  if (found == mappings_.end()) return;
  unmap(found->first, found->second);
  mappings_.erase(found);
}

std::byte* DeviceMemory::touchable(const void* address, std::size_t bytes) const {
  auto* const at = static_cast<std::byte*>(const_cast<void*>(address));
  auto next = mappings_.upper_bound(at);
  if (next != mappings_.begin()) {
    const auto& [exposed, mapping] = *--next;
    const auto offset = static_cast<std::size_t>(at - exposed);
    if (offset <= mapping.bytes && bytes <= mapping.bytes - offset) return mapping.inside + offset;
  }
  throw sdk::Error(sdk::kInvalidArgument, "async: copy of " + std::to_string(bytes) +
                                              " bytes at an address that is not device memory");
}

}  // namespace synfire::async_backend
