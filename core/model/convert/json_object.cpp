#include "core/model/convert/json_object.hpp"

#include <cmath>
#include <utility>

#include "core/model/mapped_file.hpp"
#include "core/model/printable.hpp"

namespace synfire::convert {

namespace json = boost::json;

std::string shown(const json::value& value) {
  constexpr std::size_t kMost = 60;
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = json::serialize(value);
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return printable(text);
}

Result<JsonObject> JsonObject::open(const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file->bytes();
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Result<JsonObject> JsonObject::parse(std::string_view text, std::string name) {
  json::error_code failed;
  auto root = std::make_shared<const json::value>(json::parse(text, failed));
  if (failed) return invalid_argument("{}: no JSON: {}", name, failed.message());
  if (!root->is_object()) return invalid_argument("{}: {}, want an object", name, shown(*root));
  const json::object& object = root->get_object();
  return JsonObject(std::move(root), object, std::move(name));
}

const json::value* JsonObject::find(std::string_view key) const {
  const json::value* const value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Status JsonObject::bad(std::string_view key, std::string_view got, std::string_view wanted) const {
  return invalid_argument("{}: key {}: {}, want {}", name_, key, got, wanted);
}

Result<const json::value*> JsonObject::require(std::string_view key) const {
  const json::value* const value = find(key);
  if (value == nullptr) return invalid_argument("{}: key {}: missing", name_, key);
  return value;
}

Result<std::string> JsonObject::text(std::string_view key) const {
  SYNFIRE_ASSIGN_OR_RETURN(const json::value* const value, require(key));
  if (!value->is_string()) return bad(key, shown(*value), "a string");
  return std::string(std::string_view(value->get_string()));
}

Result<bool> JsonObject::flag(std::string_view key) const {
  SYNFIRE_ASSIGN_OR_RETURN(const json::value* const value, require(key));
  if (!value->is_bool()) return bad(key, shown(*value), "true or false");
  return value->get_bool();
}

Result<double> JsonObject::number(std::string_view key) const {
  SYNFIRE_ASSIGN_OR_RETURN(const json::value* const value, require(key));
  if (!value->is_number()) return bad(key, shown(*value), "a number");
  const auto number = value->to_number<double>();
  if (!std::isfinite(number)) return bad(key, shown(*value), "a finite number");
  return number;
}

Result<std::uint32_t> JsonObject::count(std::string_view key) const {
  SYNFIRE_ASSIGN_OR_RETURN(const json::value* const value, require(key));
  json::error_code failed;
  const auto count = value->to_number<std::uint32_t>(failed);  // an error where it is none
  if (failed) return bad(key, shown(*value), "a whole number from 0 on");
  return count;
}

Result<JsonObject> JsonObject::object(std::string_view key) const {
  SYNFIRE_ASSIGN_OR_RETURN(const json::value* const value, require(key));
  if (!value->is_object()) return bad(key, shown(*value), "an object");
  return JsonObject(root_, value->get_object(), fmt::format("{}: {}", name_, key));
}

Result<std::string> JsonObject::text_or(std::string_view key, std::string_view fallback) const {
  if (!has(key)) return std::string(fallback);
  return text(key);
}
Result<bool> JsonObject::flag_or(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  return flag(key);
}
Result<double> JsonObject::number_or(std::string_view key, double fallback) const {
  if (!has(key)) return fallback;
  return number(key);
}
Result<std::uint32_t> JsonObject::count_or(std::string_view key, std::uint32_t fallback) const {
  if (!has(key)) return fallback;
  return count(key);
}

}  // namespace synfire::convert
