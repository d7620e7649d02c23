#include "core/model/convert/wire_fields.hpp"

#include <cstring>

namespace synfire::convert {
namespace {

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr std::uint64_t kMaxNumber = (1U << 29) - 1;

}  // namespace

Result<std::uint64_t> WireFields::varint() {
  std::uint64_t value = 0;
  for (std::uint32_t shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return invalid_argument("message: cut off in a number");
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  return invalid_argument("message: a number of over 64 bits");
}

Result<std::string_view> WireFields::take(std::uint64_t bytes) {
  if (bytes > rest_.size())
    return invalid_argument("message: {} bytes left, want {}", rest_.size(), bytes);
  const std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

Result<std::uint64_t> WireFields::fixed(std::uint64_t bytes) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::string_view taken, take(bytes));
  std::uint64_t value = 0;
  std::memcpy(&value, taken.data(), taken.size());
  return value;
}

Result<std::optional<WireFields::Field>> WireFields::next() {
  if (rest_.empty()) return std::optional<Field>();
  SYNFIRE_ASSIGN_OR_RETURN(const std::uint64_t key, varint());
  Field field{static_cast<std::uint32_t>(key >> 3), 0, {}, false};
  if (key >> 3 == 0 || key >> 3 > kMaxNumber)
    return invalid_argument("message: field {}, want 1 to {}", key >> 3, kMaxNumber);
  switch (key & 7) {
    case kVarint: {
      SYNFIRE_ASSIGN_OR_RETURN(field.value, varint());
      break;
    }
    case kFixed64:
    case kFixed32: {
      SYNFIRE_ASSIGN_OR_RETURN(field.value, fixed((key & 7) == kFixed64 ? 8 : 4));
      break;
    }
    case kBytes: {
      SYNFIRE_ASSIGN_OR_RETURN(const std::uint64_t length, varint());
      SYNFIRE_ASSIGN_OR_RETURN(field.bytes, take(length));
      field.is_bytes = true;
      break;
    }
    default: return invalid_argument("message: wire type {}, want 0, 1, 2 or 5", key & 7);
  }
  return std::optional(field);
}

}  // namespace synfire::convert
