#include "core/base/device_spec.hpp"

#include <charconv>
#include <utility>

#include "core/base/spec_reader.hpp"
#include "core/base/units.hpp"

namespace synfire {
namespace {

constexpr std::string_view kExample = "devices like cpu:0[cores=0-3],cuda:0[memory=8GiB]";

// One device from the front of `reader`'s text.
Result<DeviceSpec> take_device(SpecReader& reader, std::string_view all) {
  DeviceSpec spec;
  reader.skip_spaces();
  spec.plugin = std::string(reader.take_name());
  if (spec.plugin.empty()) return reader.fail("a plugin's name");
  if (reader.take(':')) {
    const std::string_view digits = reader.take_name();
    const auto [stop, code] =
        std::from_chars(digits.data(), digits.data() + digits.size(), spec.index);
    if (digits.empty() || code != std::errc() || stop != digits.data() + digits.size()) {
      return invalid_argument("device '{}': index '{}', want a whole number", all, digits);
    }
  }
  SYNFIRE_RETURN_IF_ERROR(reader.take_options(spec.options));
  reader.skip_spaces();
  return spec;
}

}  // namespace

std::string DeviceSpec::to_string() const {
  return fmt::format("{}:{}{}", plugin, index, bracketed(options));
}

Result<std::optional<std::uint64_t>> DeviceSpec::bytes(const std::string& key) const {
  const auto found = options.find(key);
  if (found == options.end()) return std::optional<std::uint64_t>();
  const Result<std::uint64_t> value = parse_bytes(found->second);
  if (!value.ok())
    return value.status().with_context(fmt::format("device {}: {}", to_string(), key));
  return std::optional<std::uint64_t>(*value);
}

Result<std::optional<std::vector<std::uint32_t>>> DeviceSpec::numbers(
    const std::string& key) const {
  const auto found = options.find(key);
  if (found == options.end()) return std::optional<std::vector<std::uint32_t>>();
  Result<std::vector<std::uint32_t>> value = parse_number_ranges(found->second);
  if (!value.ok())
    return value.status().with_context(fmt::format("device {}: {}", to_string(), key));
  return std::optional<std::vector<std::uint32_t>>(*std::move(value));
}

Result<DeviceSpec> parse_device_spec(std::string_view text) {
  SYNFIRE_ASSIGN_OR_RETURN(std::vector<DeviceSpec> specs, parse_device_specs(text));
  if (specs.size() != 1)
    return invalid_argument("device '{}': {} devices, want one", text, specs.size());
  return std::move(specs.front());
}

Result<std::vector<DeviceSpec>> parse_device_specs(std::string_view text) {
  SpecReader reader("device", text, kExample);
  std::vector<DeviceSpec> specs;
  for (;;) {
    SYNFIRE_ASSIGN_OR_RETURN(DeviceSpec spec, take_device(reader, text));
    specs.push_back(std::move(spec));
    if (reader.done()) return specs;
    if (!reader.take(',')) return reader.fail("',' or the end");
  }
}

}  // namespace synfire
