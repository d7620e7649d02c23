#pragma once

#include <algorithm>
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

#include "core/base/status.hpp"

namespace synfire {

// Reads fields, little-endian, from bytes that nobody vouches for. The first error is kept, and
// from then on nothing is read: every value stays as it was. A count is believed only as far as the
// bytes that are left could hold so many. One thread at a time.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : left_(bytes) {}

  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] std::size_t left() const { return left_.size(); }
  void fail(Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  template <std::integral T>
  void number(std::string_view name, T& value) {
    const std::span<const std::byte> bytes = next(name, sizeof(T));
    std::make_unsigned_t<T> bits = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bits |= static_cast<std::make_unsigned_t<T>>(
          std::to_integer<std::make_unsigned_t<T>>(bytes[i]) << (8 * i));
    if (status_.ok()) value = static_cast<T>(bits);
  }

  // A 32-bit number that must be one of `allowed`.
  template <typename E, std::size_t N>
  void choice(std::string_view name, E& value, const std::array<E, N>& allowed) {
    std::uint32_t got = 0;
    number(name, got);
    if (!status_.ok()) return;
    const auto found = std::find_if(allowed.begin(), allowed.end(), [&](E known) {
      return static_cast<std::uint32_t>(known) == got;
    });
    if (found == allowed.end())
      return fail(invalid_argument("{}: {}, want one of {}", name, got, listed(allowed)));
    value = *found;
  }

  template <std::integral T>
  void numbers(std::string_view name, std::vector<T>& values) {
    values.resize(count(name, sizeof(T)));
    for (T& value : values) number(name, value);
  }

  // Entries of `least_bytes` or more each, read by `each`.
  template <typename T, typename Each>
  void list(std::string_view name, std::vector<T>& entries, std::size_t least_bytes,
            const Each& each) {
    const std::size_t n = count(name, least_bytes);
    for (std::size_t i = 0; i < n && status_.ok(); ++i) each(entries.emplace_back());
  }

  void text(std::string_view name, std::string& value) {
    const std::span<const std::byte> bytes = next(name, count(name, 1));
    value.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  // Everything that is left.
  void rest(std::string_view name, std::vector<std::byte>& bytes) {
    const std::span<const std::byte> all = next(name, left_.size());
    bytes.assign(all.begin(), all.end());
  }

 private:
  std::size_t count(std::string_view name, std::size_t least_bytes) {
    std::uint32_t got = 0;
    number(name, got);
    if (!status_.ok()) return 0;
    if (got <= left_.size() / least_bytes) return got;
    fail(error(StatusCode::data_loss, "{}: {} entries, want at most the {} that {} bytes can hold",
               name, got, left_.size() / least_bytes, left_.size()));
    return 0;
  }

  std::span<const std::byte> next(std::string_view name, std::size_t n) {
    if (!status_.ok()) return {};
    if (n > left_.size()) {
      fail(error(StatusCode::data_loss, "{}: {} bytes are left, want {}", name, left_.size(), n));
      return {};
    }
    const std::span<const std::byte> taken = left_.first(n);
    left_ = left_.subspan(n);
    return taken;
  }

  template <typename E, std::size_t N>
  static std::string listed(const std::array<E, N>& allowed) {
    std::string text;
    for (const E known : allowed)
      text += (text.empty() ? "" : ", ") + std::to_string(static_cast<std::uint32_t>(known));
    return text;
  }

  std::span<const std::byte> left_;
  Status status_;
};

}  // namespace synfire
