#include "core/model/gguf_scalar.hpp"

#include <cstring>
#include <optional>

namespace synfire::gguf {

namespace {

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Nothing when the type is no unsigned (signed) integer.
std::optional<std::uint64_t> load_unsigned(GgufType type, const std::byte* at) {
  switch (type) {
    case GgufType::u8: return load<std::uint8_t>(at);
    case GgufType::u16: return load<std::uint16_t>(at);
    case GgufType::u32: return load<std::uint32_t>(at);
    case GgufType::u64: return load<std::uint64_t>(at);
    default: return std::nullopt;
  }
}

std::optional<std::int64_t> load_signed(GgufType type, const std::byte* at) {
  switch (type) {
    case GgufType::i8: return load<std::int8_t>(at);
    case GgufType::i16: return load<std::int16_t>(at);
    case GgufType::i32: return load<std::int32_t>(at);
    case GgufType::i64: return load<std::int64_t>(at);
    default: return std::nullopt;
  }
}

Status wrong_type(GgufType type, std::string_view wanted) {
  return invalid_argument("type {}, want {}", gguf_type_info(type).name, wanted);
}

}  // namespace

Result<std::uint64_t> read_unsigned(GgufType type, const std::byte* at, std::uint64_t max) {
  if (const auto value = load_unsigned(type, at)) {
    if (*value <= max) return *value;
    return invalid_argument("value {}, want 0 to {}", *value, max);
  }
  if (const auto value = load_signed(type, at)) {
    if (*value >= 0 && static_cast<std::uint64_t>(*value) <= max)
      return static_cast<std::uint64_t>(*value);
    return invalid_argument("value {}, want 0 to {}", *value, max);
  }
  return wrong_type(type, "an unsigned integer");
}

Result<std::int64_t> read_signed(GgufType type, const std::byte* at, std::int64_t min,
                                 std::int64_t max) {
  if (const auto value = load_signed(type, at)) {
    if (*value >= min && *value <= max) return *value;
    return invalid_argument("value {}, want {} to {}", *value, min, max);
  }
  if (const auto value = load_unsigned(type, at)) {
    if (*value <= static_cast<std::uint64_t>(max)) return static_cast<std::int64_t>(*value);
    return invalid_argument("value {}, want {} to {}", *value, min, max);
  }
  return wrong_type(type, "an integer");
}

Result<double> read_real(GgufType type, const std::byte* at) {
  if (type == GgufType::f32) return static_cast<double>(load<float>(at));
  if (type == GgufType::f64) return load<double>(at);
  return wrong_type(type, "a floating-point number");
}

Result<bool> read_bool(GgufType type, const std::byte* at) {
  if (type != GgufType::boolean) return wrong_type(type, "a boolean");
  const auto value = load<std::uint8_t>(at);
  if (value > 1) return invalid_argument("boolean {}, want 0 or 1", value);
  return value == 1;
}

}  // namespace synfire::gguf
