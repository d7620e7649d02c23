#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace synfire {

// A device as users name it: "cpu:0[cores=0-3,memory=8GiB]". The options are the plugin's business;
// a plugin that does not know one says so.
struct DeviceSpec {
  std::string plugin;       // "cpu"
  std::uint32_t index = 0;  // "cpu" alone means "cpu:0"
  std::map<std::string, std::string> options;

  // The canonical text; parse_device_spec() of it gives the same again.
  [[nodiscard]] std::string to_string() const;

  // The value of `key` read as a size ("8GiB") or as a list of numbers ("0-3,8"); nullopt: not
  // given.
  [[nodiscard]] Result<std::optional<std::uint64_t>> bytes(const std::string& key) const;
  [[nodiscard]] Result<std::optional<std::vector<std::uint32_t>>> numbers(
      const std::string& key) const;

  friend bool operator==(const DeviceSpec&, const DeviceSpec&) = default;
};

[[nodiscard]] Result<DeviceSpec> parse_device_spec(std::string_view text);

// "cpu:0[cores=0-1],cpu:0[cores=2,3]": at least one, in the order given.
[[nodiscard]] Result<std::vector<DeviceSpec>> parse_device_specs(std::string_view text);

}  // namespace synfire
