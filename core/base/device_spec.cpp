#include "core/base/device_spec.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/units.hpp"

namespace synfire {
namespace {

constexpr std::string_view kWant = "devices like cpu:0[cores=0-3],cuda:0[memory=8GiB]";

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_char);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Reads one device after another from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : all_(text), rest_(text) {}

  Result<DeviceSpec> device() {
    DeviceSpec spec;
    skip_spaces();
    spec.plugin = std::string(take_name());
    if (spec.plugin.empty()) return fail("a plugin's name");
    if (take(':')) {
      const std::string_view digits = take_name();
      const auto [stop, code] =
          std::from_chars(digits.data(), digits.data() + digits.size(), spec.index);
      if (digits.empty() || code != std::errc() || stop != digits.data() + digits.size()) {
        return invalid_argument("device '{}': index '{}', want a whole number", all_, digits);
      }
    }
    if (take('[')) SYNFIRE_RETURN_IF_ERROR(options(spec));
    skip_spaces();
    return spec;
  }

  [[nodiscard]] bool done() const { return rest_.empty(); }

  Status comma() {
    if (take(',')) return {};
    return fail("',' or the end");
  }

 private:
  // key=value[,key=value...] up to ']'. An item without '=' goes on with the value before:
  // cores=0-3,8.
  Status options(DeviceSpec& spec) {
    const std::size_t close = rest_.find(']');
    if (close == std::string_view::npos) return fail("a ']'");
    std::string_view inside = rest_.substr(0, close);
    rest_.remove_prefix(close + 1);
    std::string* value = nullptr;
    for (;;) {
      const std::size_t comma_at = inside.find(',');
      SYNFIRE_RETURN_IF_ERROR(option(spec, trimmed(inside.substr(0, comma_at)), value));
      if (comma_at == std::string_view::npos) return {};
      inside.remove_prefix(comma_at + 1);
    }
  }

  Status option(DeviceSpec& spec, std::string_view item, std::string*& value) {
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos && value != nullptr && !item.empty()) {
      value->append(",").append(item);
      return {};
    }
    const std::string_view key = item.substr(0, equals);
    if (equals == std::string_view::npos || !is_name(key) || equals + 1 == item.size()) {
      return invalid_argument("device '{}': option '{}', want key=value", all_, item);
    }
    const auto [at, fresh] =
        spec.options.emplace(std::string(key), std::string(item.substr(equals + 1)));
    if (!fresh) return invalid_argument("device '{}': option '{}' twice, want it once", all_, key);
    value = &at->second;
    return {};
  }

  Status fail(std::string_view want) const {
    const std::string at = rest_.empty() ? "the end" : fmt::format("'{}'", rest_);
    return invalid_argument("device '{}': got {}, want {} ({})", all_, at, want, kWant);
  }

  void skip_spaces() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }

  std::string_view take_name() {
    std::size_t length = 0;
    while (length < rest_.size() && is_name_char(rest_[length])) ++length;
    const std::string_view name = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return name;
  }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view all_;
  std::string_view rest_;
};

}  // namespace

std::string DeviceSpec::to_string() const {
  std::string text = fmt::format("{}:{}", plugin, index);
  char before = '[';
  for (const auto& [key, value] : options) {
    text += fmt::format("{}{}={}", before, key, value);
    before = ',';
  }
  if (!options.empty()) text += ']';
  return text;
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
  Reader reader(text);
  std::vector<DeviceSpec> specs;
  for (;;) {
    SYNFIRE_ASSIGN_OR_RETURN(DeviceSpec spec, reader.device());
    specs.push_back(std::move(spec));
    if (reader.done()) return specs;
    SYNFIRE_RETURN_IF_ERROR(reader.comma());
  }
}

}  // namespace synfire
