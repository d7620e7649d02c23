#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_scalar.hpp"
#include "core/model/gguf_type.hpp"

namespace synfire {

// An array of GGUF metadata: numbers and strings stay where they are in the file, strings get an
// index.
//
// Immutable; any thread may read. Views live as long as the GgufFile that the array came from.
class GgufArray {
 public:
  // Of numbers or booleans: `bytes` are the elements one after another, maybe unaligned.
  GgufArray(GgufType element_type, std::span<const std::byte> bytes)
      : element_type_(element_type),
        size_(bytes.size() / gguf_type_info(element_type).bytes),
        bytes_(bytes) {}
  explicit GgufArray(std::vector<std::string_view> strings)
      : element_type_(GgufType::string), size_(strings.size()), strings_(std::move(strings)) {}
  explicit GgufArray(std::vector<GgufArray> arrays)
      : element_type_(GgufType::array), size_(arrays.size()), arrays_(std::move(arrays)) {}

  [[nodiscard]] GgufType element_type() const { return element_type_; }
  [[nodiscard]] std::size_t size() const { return size_; }

  // Element i < size() of an array of numbers or booleans, converted as read_scalar does.
  template <typename T>
  [[nodiscard]] Result<T> at(std::size_t i) const;
  // All of them. An empty array of numbers gives an empty vector of any T.
  template <typename T>
  [[nodiscard]] Result<std::vector<T>> numbers() const;

  // Where element i < size() of an array of numbers or booleans stands.
  [[nodiscard]] const std::byte* element(std::size_t i) const {
    return bytes_.data() + i * gguf_type_info(element_type_).bytes;
  }

  // The elements of an array of strings (else empty), and of an array of arrays (else empty).
  [[nodiscard]] std::span<const std::string_view> strings() const { return strings_; }
  [[nodiscard]] std::span<const GgufArray> arrays() const { return arrays_; }

 private:
  [[nodiscard]] Status check_index(std::size_t i) const;

  GgufType element_type_;
  std::size_t size_;
  std::span<const std::byte> bytes_;
  std::vector<std::string_view> strings_;
  std::vector<GgufArray> arrays_;
};

template <typename T>
Result<T> GgufArray::at(std::size_t i) const {
  SYNFIRE_RETURN_IF_ERROR(check_index(i));
  return gguf::read_scalar<T>(element_type_, element(i));
}

template <typename T>
Result<std::vector<T>> GgufArray::numbers() const {
  std::vector<T> values;
  values.reserve(size_);
  for (std::size_t i = 0; i < size_; ++i) {
    Result<T> value = at<T>(i);
    if (!value.ok()) return value.status().with_context(fmt::format("element {}", i));
    values.push_back(*value);
  }
  return values;
}

}  // namespace synfire
