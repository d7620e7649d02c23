// Decodes bytes as a message. What is accepted must encode to the very same bytes. With a first
// byte that is odd, the length and the checksum are put right before, so that the fields behind
// them are reached.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "core/engine/message_codec.hpp"

namespace {

void seal(std::span<std::byte> message) {
  constexpr std::size_t kHeader = synfire::kMessageHeaderBytes;
  if (message.size() < kHeader) return;
  const std::uint64_t length = message.size() - kHeader;
  std::memcpy(message.data() + kHeader - sizeof length, &length, sizeof length);
  const std::uint32_t checksum = synfire::message_checksum(message);
  std::memcpy(message.data() + synfire::kMessageChecksumOffset, &checksum, sizeof checksum);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // A fresh copy: its end is where the address sanitizer looks.
  const auto copy = std::make_unique<std::byte[]>(size - 1);
  if (size > 1) std::memcpy(copy.get(), data + 1, size - 1);
  const std::span<std::byte> bytes(copy.get(), size - 1);
  if ((data[0] & 1) != 0) seal(bytes);
  const auto message = synfire::decode(bytes);
  if (!message.ok()) {
    if (message.status().message().empty()) __builtin_trap();
    return 0;
  }
  const std::vector<std::byte> again = synfire::encode(*message);
  if (again.size() != bytes.size() || std::memcmp(again.data(), bytes.data(), again.size()) != 0)
    __builtin_trap();
  return 0;
}
