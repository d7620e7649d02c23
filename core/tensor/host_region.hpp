#pragma once

#include <cstddef>

#include "core/base/result.hpp"

namespace synfire {

// Zeroed, page-aligned host memory that can be registered with devices. Move-only.
class HostRegion {
 public:
  // RESOURCE_EXHAUSTED when the system has not that much.
  static Result<HostRegion> allocate(std::size_t bytes);

  HostRegion() = default;
  HostRegion(HostRegion&& other) noexcept;
  HostRegion& operator=(HostRegion&& other) noexcept;
  ~HostRegion();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  HostRegion(std::byte* data, std::size_t bytes) : data_(data), bytes_(bytes) {}

  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// What the system could still give without swapping, bytes; 0 = unknown.
[[nodiscard]] std::size_t available_host_memory();

}  // namespace synfire
