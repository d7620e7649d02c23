#include "core/model/gguf_value.hpp"

#include <fmt/format.h>

#include "core/model/printable.hpp"

namespace synfire {

namespace {

constexpr std::size_t kLengthBytes = 8;  // in front of a string's characters
constexpr std::size_t kShownElements = 8;

std::string number_to_string(GgufType type, const std::byte* at) {
  using Signed = std::numeric_limits<std::int64_t>;
  using Unsigned = std::numeric_limits<std::uint64_t>;
  if (const auto value = gguf::read_signed(type, at, Signed::min(), Signed::max()); value.ok())
    return fmt::format("{}", *value);
  if (const auto value = gguf::read_unsigned(type, at, Unsigned::max()); value.ok())
    return fmt::format("{}", *value);
  if (const auto value = gguf::read_bool(type, at); value.ok()) return *value ? "true" : "false";
  const auto value = gguf::read_real(type, at);
  // A FLOAT32 shows the digits that a float has: 1e-05, not 9.999999747378752e-06.
  if (type == GgufType::f32) return fmt::format("{}", static_cast<float>(*value));
  return fmt::format("{}", *value);
}

std::string array_to_string(const GgufArray& array);

std::string element_to_string(const GgufArray& array, std::size_t i) {
  if (array.element_type() == GgufType::string)
    return fmt::format("\"{}\"", printable(array.strings()[i], 24));
  if (array.element_type() == GgufType::array) return array_to_string(array.arrays()[i]);
  return number_to_string(array.element_type(), array.element(i));
}

std::string array_to_string(const GgufArray& array) {
  std::string out =
      fmt::format("{} x {} [", array.size(), gguf_type_info(array.element_type()).name);
  const std::size_t shown = std::min(array.size(), kShownElements);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) out += ", ";
    out += element_to_string(array, i);
  }
  return out + (shown < array.size() ? ", ...]" : "]");
}

}  // namespace

Status GgufArray::check_index(std::size_t i) const {
  if (element_type_ == GgufType::string || element_type_ == GgufType::array)
    return invalid_argument("type ARRAY of {}, want an array of numbers",
                            gguf_type_info(element_type_).name);
  if (i >= size_) return error(StatusCode::out_of_range, "element {}, want below {}", i, size_);
  return {};
}

std::string GgufValue::type_name() const {
  const std::string name(gguf_type_info(type_).name);
  if (array_ == nullptr) return name;
  return name + " of " + std::string(gguf_type_info(array_->element_type()).name);
}

Result<std::string_view> GgufValue::as_string() const {
  if (type_ != GgufType::string) return invalid_argument("type {}, want a string", type_name());
  return std::string_view(reinterpret_cast<const char*>(encoded_.data()) + kLengthBytes,
                          encoded_.size() - kLengthBytes);
}

Result<const GgufArray*> GgufValue::as_array(std::string_view wanted) const {
  if (array_ == nullptr) return invalid_argument("type {}, want {}", type_name(), wanted);
  return array_.get();
}

Result<std::span<const std::string_view>> GgufValue::as_strings() const {
  if (array_ == nullptr || array_->element_type() != GgufType::string)
    return invalid_argument("type {}, want an array of strings", type_name());
  return array_->strings();
}

std::string GgufValue::to_string(std::size_t limit) const {
  if (array_ != nullptr) return printable(array_to_string(*array_), limit);
  if (type_ == GgufType::string) return printable(*as_string(), limit);
  return number_to_string(type_, encoded_.data());
}

}  // namespace synfire
