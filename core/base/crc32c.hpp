#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace synfire {

// CRC32C (Castagnoli; RFC 3720, appendix B.4). `before` is the checksum of the bytes that come
// before, so that parts can be summed one after the other.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace synfire
