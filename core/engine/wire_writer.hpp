#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace synfire {

// Appends fields, little-endian. Has the functions of WireReader, so that one description of a
// message's fields serves both ways. One thread at a time.
class WireWriter {
 public:
  template <std::integral T>
  void number(std::string_view /*name*/, const T& value) {
    const auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes_.push_back(static_cast<std::byte>(bits >> (8 * i)));
  }

  template <typename E, std::size_t N>
  void choice(std::string_view name, const E& value, const std::array<E, N>& /*allowed*/) {
    number(name, static_cast<std::uint32_t>(value));
  }

  template <std::integral T>
  void numbers(std::string_view name, const std::vector<T>& values) {
    number(name, static_cast<std::uint32_t>(values.size()));
    for (const T value : values) number(name, value);
  }

  template <typename T, typename Each>
  void list(std::string_view name, const std::vector<T>& entries, std::size_t /*least_bytes*/,
            const Each& each) {
    number(name, static_cast<std::uint32_t>(entries.size()));
    for (const T& entry : entries) each(entry);
  }

  void text(std::string_view name, const std::string& value) {
    number(name, static_cast<std::uint32_t>(value.size()));
    rest(name, {reinterpret_cast<const std::byte*>(value.data()), value.size()});
  }

  void rest(std::string_view /*name*/, std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace synfire
