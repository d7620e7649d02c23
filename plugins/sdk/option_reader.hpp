#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/error.hpp"

namespace synfire::sdk {

// The options of open(), read by key. Impossible values and keys that nobody asked for are
// INVALID_ARGUMENT. Borrows the options; `who` starts every message ("cpu:0") unless it is empty.
//
//   OptionReader reader("cpu:0", options);
//   const auto cores = reader.text("cores");
//   const auto threads = reader.number("threads", 0, 1, 1024);
//   reader.finish();
class OptionReader {
 public:
  OptionReader(std::string who, const sf_options& options)
      : prefix_(who.empty() ? "" : std::move(who) + ": "), options_(options) {}

  // What the user wrote; nothing if the key is absent.
  std::optional<std::string_view> text(std::string_view key) {
    known_.push_back(key);
    for (std::uint32_t i = 0; i < options_.count; ++i)
      if (options_.keys[i] == key) return options_.values[i];
    return std::nullopt;
  }

  // A whole number in [low, high]; `absent` where the key is absent.
  std::uint64_t number(std::string_view key, std::uint64_t absent, std::uint64_t low,
                       std::uint64_t high) {
    const std::optional<std::string_view> value = text(key);
    if (!value) return absent;
    std::uint64_t number = 0;
    const char* const end = value->data() + value->size();
    const auto [at, error] = std::from_chars(value->data(), end, number);
    if (error != std::errc() || at != end || number < low || number > high)
      throw Error(kInvalidArgument, prefix_ + "option " + std::string(key) + "=" +
                                        std::string(*value) + ", want a number from " +
                                        std::to_string(low) + " to " + std::to_string(high));
    return number;
  }

  // After all keys were asked for: any other key is an error.
  void finish() const {
    for (std::uint32_t i = 0; i < options_.count; ++i) {
      const std::string_view key = options_.keys[i];
      bool asked = false;
      for (const std::string_view known : known_) asked = asked || known == key;
      if (!asked)
        throw Error(kInvalidArgument,
                    prefix_ + "option " + std::string(key) + " is unknown, want " + known_keys());
    }
  }

 private:
  [[nodiscard]] std::string known_keys() const {
    if (known_.empty()) return "no options";
    std::string text = "one of";
    for (const std::string_view key : known_) text.append(" ").append(key);
    return text;
  }

  std::string prefix_;
  const sf_options& options_;
  std::vector<std::string_view> known_;
};

}  // namespace synfire::sdk
