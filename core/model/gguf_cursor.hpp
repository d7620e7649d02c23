#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "core/base/result.hpp"

namespace synfire::gguf {

// Reads a file's bytes from front to back; a read past the end is an error that says what was
// wanted there.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
  // What has been read since `start`.
  [[nodiscard]] std::span<const std::byte> since(std::size_t start) const {
    return bytes_.subspan(start, position_ - start);
  }

  Result<std::span<const std::byte>> take(std::uint64_t count, std::string_view what) {
    if (count > remaining())
      return invalid_argument("truncated: {} wants {} bytes at offset {}, got {}", what, count,
                              position_, remaining());
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  template <typename T>
  Result<T> number(std::string_view what) {
    SYNFIRE_ASSIGN_OR_RETURN(const auto bytes, take(sizeof(T), what));
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  // A u64 length and that many characters.
  Result<std::string_view> string(std::string_view what) {
    SYNFIRE_ASSIGN_OR_RETURN(const auto length, number<std::uint64_t>(what));
    SYNFIRE_ASSIGN_OR_RETURN(const auto bytes, take(length, what));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  // A u64 count of things that take `least_bytes` each, so that nobody allocates for what cannot be
  // there.
  Result<std::uint64_t> count(std::string_view what, std::size_t least_bytes) {
    SYNFIRE_ASSIGN_OR_RETURN(const auto value, number<std::uint64_t>(what));
    SYNFIRE_RETURN_IF_ERROR(check_count(what, value, least_bytes));
    return value;
  }
  [[nodiscard]] Status check_count(std::string_view what, std::uint64_t value,
                                   std::size_t least_bytes) const {
    if (value <= remaining() / least_bytes) return {};
    return invalid_argument("{} {}, want at most {}: {} bytes are left", what, value,
                            remaining() / least_bytes, remaining());
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace synfire::gguf
