#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/messages.hpp"

// The bytes of messages between actors on different machines. Pure functions; any thread.
//
// All numbers are little-endian. A message is a header of 64 bytes and a body:
//
//   offset  bytes  field
//        0      4  magic "SFMG"
//        4      2  version
//        6      2  message type: 1 + its place in WireMessage
//        8     24  epoch, request, step (8 each)
//       32      4  sequence
//       36      4  dtype
//       40      8  shape: rows, cols (4 each)
//       48      4  flags: bit 0 = sparse
//       52      4  checksum: CRC32C of the whole message, with zeros in this place
//       56      8  payload length: bytes of the body
//
// A header field that a message type has no use for is zero. The bodies are the remaining fields in
// the order of messages.hpp: a vector or a text is a 32-bit count and its entries, an enum a 32-bit
// number. An activation's payload comes last and has no count: its length follows from the shape.
namespace synfire {

inline constexpr std::uint16_t kMessageVersion = 1;
inline constexpr std::size_t kMessageHeaderBytes = 64;
inline constexpr std::size_t kMessageChecksumOffset = 52;
inline constexpr std::size_t kMaxMessageBytes = std::size_t{1} << 30;

[[nodiscard]] std::vector<std::byte> encode(const WireMessage& message);

// The message, which encodes to the same bytes again; or an error that names the field: DATA_LOSS
// where bytes are missing or were changed on the way, UNIMPLEMENTED for a newer version,
// INVALID_ARGUMENT otherwise. Allocates no more than a small multiple of the bytes given.
[[nodiscard]] Result<WireMessage> decode(std::span<const std::byte> bytes);

// What the checksum field of `message` should be. `message` is a header at least.
[[nodiscard]] std::uint32_t message_checksum(std::span<const std::byte> message);

}  // namespace synfire
