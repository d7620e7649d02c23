#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "plugins/sdk/error.hpp"

namespace synfire::async_backend {

// The host memory that the device was told of. One thread.
class HostRanges {
 public:
  void add(const void* address, std::size_t bytes) {
    ranges_[static_cast<const std::byte*>(address)] = bytes;
  }
  void remove(const void* address) { ranges_.erase(static_cast<const std::byte*>(address)); }

  // Throws FAILED_PRECONDITION naming `what` unless all `bytes` bytes lie in one known range.
  void require(const void* address, std::size_t bytes, const std::string& what) const {
    if (bytes == 0) return;
    const auto* const at = static_cast<const std::byte*>(address);
    auto next = ranges_.upper_bound(at);
    if (next != ranges_.begin()) {
      const auto& [start, size] = *--next;
      const auto offset = static_cast<std::size_t>(at - start);
      if (offset <= size && bytes <= size - offset) return;
    }
    throw sdk::Error(sdk::kFailedPrecondition,
                     "async: " + what + ": " + std::to_string(bytes) +
                         " bytes of host memory that was not registered with the device");
  }

 private:
  std::map<const std::byte*, std::size_t> ranges_;  // address -> bytes
};

}  // namespace synfire::async_backend
