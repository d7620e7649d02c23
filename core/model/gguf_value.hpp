#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_array.hpp"
#include "core/model/gguf_scalar.hpp"
#include "core/model/gguf_type.hpp"

namespace synfire {

// One value of GGUF metadata, a view of the file's bytes.
//
// Immutable, cheap to copy; any thread may read. Lives as long as the GgufFile that it came from.
class GgufValue {
 public:
  // `encoded` is the value as it stands in a file after its type; for a string or an array,
  // `encoded` has been checked to be whole. `array` is present exactly for arrays.
  GgufValue(GgufType type, std::span<const std::byte> encoded,
            std::shared_ptr<const GgufArray> array = nullptr)
      : type_(type), encoded_(encoded), array_(std::move(array)) {}

  [[nodiscard]] GgufType type() const { return type_; }
  // "UINT32", "ARRAY of STRING".
  [[nodiscard]] std::string type_name() const;
  // For writing the value as it is into another file.
  [[nodiscard]] std::span<const std::byte> encoded() const { return encoded_; }
  // Null when the value is no array.
  [[nodiscard]] const GgufArray* array() const { return array_.get(); }

  // T is bool, an integer, float, double, std::string_view, std::string, a std::vector of numbers,
  // std::span<const std::string_view> or std::vector<std::string>. Integers convert between widths
  // when the value fits, floats into each other; everything else is an error: "type STRING, want an
  // unsigned integer".
  template <typename T>
  [[nodiscard]] Result<T> as() const;

  // As `inspect` prints it: arrays show their length and first elements, strings are escaped; at
  // most about `limit` characters.
  [[nodiscard]] std::string to_string(std::size_t limit = 80) const;

 private:
  [[nodiscard]] Result<std::string_view> as_string() const;
  [[nodiscard]] Result<const GgufArray*> as_array(std::string_view wanted) const;
  [[nodiscard]] Result<std::span<const std::string_view>> as_strings() const;

  GgufType type_;
  std::span<const std::byte> encoded_;
  std::shared_ptr<const GgufArray> array_;
};

template <typename T>
Result<T> GgufValue::as() const {
  if constexpr (std::is_arithmetic_v<T>) {
    return gguf::read_scalar<T>(type_, encoded_.data());
  } else if constexpr (std::same_as<T, std::string_view>) {
    return as_string();
  } else if constexpr (std::same_as<T, std::string>) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::string_view text, as_string());
    return std::string(text);
  } else if constexpr (std::same_as<T, std::span<const std::string_view>>) {
    return as_strings();
  } else if constexpr (std::same_as<T, std::vector<std::string>>) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::span<const std::string_view> texts, as_strings());
    return std::vector<std::string>(texts.begin(), texts.end());
  } else {
    SYNFIRE_ASSIGN_OR_RETURN(const GgufArray* array, as_array("an array of numbers"));
    return array->numbers<typename T::value_type>();
  }
}

}  // namespace synfire
