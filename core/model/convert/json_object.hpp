#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "core/base/result.hpp"

namespace synfire::convert {

// An object of a JSON file, read by key. Errors name the file, the key, the got and the wanted:
// "config.json: key hidden_size: missing".
//
// Immutable, cheap to copy; any thread may read. Keeps the file's values alive.
class JsonObject {
 public:
  [[nodiscard]] static Result<JsonObject> open(const std::filesystem::path& path);
  [[nodiscard]] static Result<JsonObject> parse(std::string_view text, std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }
  // Whether the key is there with something else than null.
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  // Null where the key is absent or null.
  [[nodiscard]] const boost::json::value* find(std::string_view key) const;

  [[nodiscard]] Result<std::string> text(std::string_view key) const;
  [[nodiscard]] Result<bool> flag(std::string_view key) const;
  [[nodiscard]] Result<double> number(std::string_view key) const;  // finite
  [[nodiscard]] Result<std::uint32_t> count(std::string_view key) const;
  [[nodiscard]] Result<JsonObject> object(std::string_view key) const;
  // The fallback where has() is false.
  [[nodiscard]] Result<std::string> text_or(std::string_view key, std::string_view fallback) const;
  [[nodiscard]] Result<bool> flag_or(std::string_view key, bool fallback) const;
  [[nodiscard]] Result<double> number_or(std::string_view key, double fallback) const;
  [[nodiscard]] Result<std::uint32_t> count_or(std::string_view key, std::uint32_t fallback) const;

  [[nodiscard]] const boost::json::object& values() const { return *object_; }
  // "config.json: key K: GOT, want WANTED"
  [[nodiscard]] Status bad(std::string_view key, std::string_view got,
                           std::string_view wanted) const;

 private:
  JsonObject(std::shared_ptr<const boost::json::value> root, const boost::json::object& object,
             std::string name)
      : root_(std::move(root)), object_(&object), name_(std::move(name)) {}
  [[nodiscard]] Result<const boost::json::value*> require(std::string_view key) const;

  std::shared_ptr<const boost::json::value> root_;
  const boost::json::object* object_;  // in root_
  std::string name_;
};

// As it stands in JSON, cut short.
[[nodiscard]] std::string shown(const boost::json::value& value);

}  // namespace synfire::convert
