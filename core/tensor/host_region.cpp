#include "core/tensor/host_region.hpp"

#include <sys/mman.h>

#include <utility>

#include "plugins/sdk/memory_info.hpp"

namespace synfire {

Result<HostRegion> HostRegion::allocate(std::size_t bytes) {
  if (bytes == 0) return HostRegion();
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return error(StatusCode::resource_exhausted, "host memory: no {} bytes to be had", bytes);
  return HostRegion(static_cast<std::byte*>(memory), bytes);
}

HostRegion::HostRegion(HostRegion&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

HostRegion& HostRegion::operator=(HostRegion&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

HostRegion::~HostRegion() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

std::size_t available_host_memory() { return sdk::available_memory(); }

}  // namespace synfire
