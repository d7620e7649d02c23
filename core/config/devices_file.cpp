#include "core/config/devices_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/device_spec.hpp"
#include "core/base/suggest.hpp"
#include "core/base/units.hpp"
#include "core/config/yaml_reader.hpp"

namespace synfire {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 10;
constexpr std::array<std::string_view, 2> kKeys = {"version", "devices"};
constexpr std::array<std::string_view, 10> kDeviceKeys = {
    "device",        "memory",   "bandwidth",    "row_bandwidth", "shared",
    "multiply_adds", "stage_us", "fork_join_us", "step_us",       "layer_us"};

class Reader {
 public:
  explicit Reader(std::string_view file_name) : file_name_(file_name) {}

  Result<DevicesFile> devices(const YamlNode& root) const {
    if (root.kind != YamlNode::Kind::map) return wrong(root, "devices", "a map");
    SYNFIRE_RETURN_IF_ERROR(check_keys(root, kKeys));
    SYNFIRE_ASSIGN_OR_RETURN(const YamlNode* const version, required(root, "version"));
    if (version->text != "1") return wrong(*version, "version", "1");
    SYNFIRE_ASSIGN_OR_RETURN(const YamlNode* const list, required(root, "devices"));
    if (list->kind != YamlNode::Kind::sequence || list->items.empty())
      return wrong(*list, "devices", "a list with one map per device");
    DevicesFile file;
    for (const YamlNode& item : list->items) {
      SYNFIRE_ASSIGN_OR_RETURN(DevicesFile::Device read, device(item));
      for (const DevicesFile::Device& other : file.devices)
        if (other.device == read.device)
          return invalid_argument("{}: device {} twice, want it once", place(item), read.device);
      file.devices.push_back(std::move(read));
    }
    return file;
  }

 private:
  [[nodiscard]] std::string place(const YamlNode& node) const {
    return yaml_place(file_name_, node.mark);
  }

  [[nodiscard]] Status wrong(const YamlNode& node, std::string_view name,
                             std::string_view want) const {
    return invalid_argument("{}: {}: got {}, want {}", place(node), name, node.describe(), want);
  }

  template <std::size_t N>
  [[nodiscard]] Status check_keys(const YamlNode& node,
                                  const std::array<std::string_view, N>& keys) const {
    for (const auto& [key, value] : node.entries) {
      if (std::find(keys.begin(), keys.end(), key.text) != keys.end()) continue;
      return invalid_argument("{}: unknown key {}{}", place(key), key.describe(),
                              did_you_mean(key.text, keys));
    }
    return {};
  }

  [[nodiscard]] static const YamlNode* find(const YamlNode& node, std::string_view name) {
    for (const auto& [key, value] : node.entries)
      if (key.text == name) return &value;
    return nullptr;
  }

  Result<const YamlNode*> required(const YamlNode& node, std::string_view name) const {
    const YamlNode* const found = find(node, name);
    if (found == nullptr) return invalid_argument("{}: '{}' is missing", place(node), name);
    return found;
  }

  Result<DevicesFile::Device> device(const YamlNode& node) const {
    if (node.kind != YamlNode::Kind::map) return wrong(node, "devices", "a map per device");
    SYNFIRE_RETURN_IF_ERROR(check_keys(node, kDeviceKeys));
    DevicesFile::Device made;
    SYNFIRE_ASSIGN_OR_RETURN(const YamlNode* const name, required(node, "device"));
    const Result<DeviceSpec> spec = parse_device_spec(name->text);
    if (!spec.ok()) return spec.status().with_context(place(*name));
    made.device = spec->to_string();
    SYNFIRE_ASSIGN_OR_RETURN(made.memory, bytes(node, "memory", true));
    SYNFIRE_ASSIGN_OR_RETURN(const std::uint64_t bandwidth, bytes(node, "bandwidth", true));
    SYNFIRE_ASSIGN_OR_RETURN(const std::uint64_t rows, bytes(node, "row_bandwidth", false));
    made.bandwidth = static_cast<double>(bandwidth);
    made.row_bandwidth = static_cast<double>(rows);
    SYNFIRE_RETURN_IF_ERROR(real(node, "shared", 1, made.shared));
    SYNFIRE_RETURN_IF_ERROR(real(node, "multiply_adds", 1e18, made.multiply_adds));
    SYNFIRE_RETURN_IF_ERROR(real(node, "stage_us", 1e9, made.stage_us));
    SYNFIRE_RETURN_IF_ERROR(real(node, "fork_join_us", 1e9, made.fork_join_us));
    SYNFIRE_RETURN_IF_ERROR(real(node, "step_us", 1e9, made.step_us));
    SYNFIRE_RETURN_IF_ERROR(real(node, "layer_us", 1e9, made.layer_us));
    return made;
  }

  // "24GB"; 0 where it is absent and may be.
  Result<std::uint64_t> bytes(const YamlNode& node, std::string_view name, bool needed) const {
    const YamlNode* found = find(node, name);
    if (found == nullptr && !needed) return std::uint64_t{0};
    if (found == nullptr) return required(node, name).status();
    const Result<std::uint64_t> value = parse_bytes(found->text);
    if (found->kind != YamlNode::Kind::scalar || !value.ok() || *value == 0)
      return wrong(*found, name, "a size like 24GB");
    return *value;
  }

  // From 0; `value` stays where it is absent.
  Status real(const YamlNode& node, std::string_view name, double most, double& value) const {
    const YamlNode* const found = find(node, name);
    if (found == nullptr) return {};
    const Result<double> read = parse_real(found->text);
    if (found->kind != YamlNode::Kind::scalar || !read.ok() || *read < 0 || *read > most)
      return wrong(*found, name, fmt::format("a number from 0 to {}", most));
    value = *read;
    return {};
  }

  std::string_view file_name_;
};

}  // namespace

Result<DevicesFile> read_devices_file(const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::string text, read_text_file(path, kMaxBytes));
  return parse_devices_file(text, path.string());
}

Result<DevicesFile> parse_devices_file(std::string_view text, std::string_view file_name) {
  SYNFIRE_ASSIGN_OR_RETURN(const YamlNode root, parse_yaml(text, file_name));
  return Reader(file_name).devices(root);
}

}  // namespace synfire
