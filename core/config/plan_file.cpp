#include "core/config/plan_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/device_spec.hpp"
#include "core/base/suggest.hpp"
#include "core/base/units.hpp"
#include "core/config/yaml_reader.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kMaxGroupSize = 4096;
constexpr std::uint32_t kMaxGroup = 1U << 20;
constexpr std::uint32_t kMaxDepth = 1U << 24;
constexpr double kMaxRate = 1e9;  // tokens/s
constexpr std::array<std::string_view, 4> kKeys = {"version", "group_size", "expected", "layers"};
constexpr std::array<std::string_view, 2> kExpectedKeys = {"tokens_per_second", "depth"};

std::optional<std::uint32_t> to_number(std::string_view text) {
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::string range_text(const PlanFile::Range& range) {
  if (range.first == range.last) return fmt::format("{}", range.first);
  return fmt::format("{}-{}", range.first, range.last);
}

// Reads the parts of a plan from the parsed YAML.
class Reader {
 public:
  explicit Reader(std::string_view file_name) : file_name_(file_name) {}

  Result<PlanFile> plan(const YamlNode& root) const {
    if (root.kind != YamlNode::Kind::map) return wrong(root, "plan", "a map");
    SYNFIRE_RETURN_IF_ERROR(check_keys(root, kKeys));
    PlanFile plan;
    SYNFIRE_ASSIGN_OR_RETURN(plan.version, number(root, "version", 1, 1));
    SYNFIRE_ASSIGN_OR_RETURN(plan.group_size, number(root, "group_size", 1, kMaxGroupSize));
    if (const YamlNode* const node = find(root, "expected")) {
      SYNFIRE_ASSIGN_OR_RETURN(plan.expected, expected(*node));
    }
    SYNFIRE_ASSIGN_OR_RETURN(const YamlNode* layers, required(root, "layers"));
    if (layers->kind != YamlNode::Kind::sequence || layers->items.empty()) {
      return wrong(*layers, "layers", "a list with one map per layer");
    }
    for (std::size_t i = 0; i < layers->items.size(); ++i) {
      const std::string name = fmt::format("layers[{}]", i);
      SYNFIRE_ASSIGN_OR_RETURN(PlanFile::Layer read, layer(layers->items[i], name));
      plan.layers.push_back(std::move(read));
    }
    return plan;
  }

 private:
  // A range with its place, to say which of two that overlap is wrong.
  struct Placed {
    PlanFile::Range range;
    YamlMark mark;
  };

  [[nodiscard]] std::string place(const YamlMark& mark) const {
    return yaml_place(file_name_, mark);
  }

  [[nodiscard]] Status wrong(const YamlNode& node, std::string_view name,
                             std::string_view want) const {
    return invalid_argument("{}: {}: got {}, want {}", place(node.mark), name, node.describe(),
                            want);
  }

  template <std::size_t N>
  [[nodiscard]] Status check_keys(const YamlNode& node,
                                  const std::array<std::string_view, N>& keys) const {
    for (const auto& [key, value] : node.entries) {
      if (std::find(keys.begin(), keys.end(), key.text) != keys.end()) continue;
      return invalid_argument("{}: unknown key {}{}", place(key.mark), key.describe(),
                              did_you_mean(key.text, keys));
    }
    return {};
  }

  [[nodiscard]] static const YamlNode* find(const YamlNode& node, std::string_view name) {
    for (const auto& [key, value] : node.entries) {
      if (key.text == name) return &value;
    }
    return nullptr;
  }

  Result<const YamlNode*> required(const YamlNode& root, std::string_view name) const {
    const YamlNode* const found = find(root, name);
    if (found == nullptr) return invalid_argument("{}: '{}' is missing", place(root.mark), name);
    return found;
  }

  Result<PlanFile::Expected> expected(const YamlNode& node) const {
    if (node.kind != YamlNode::Kind::map) return wrong(node, "expected", "a map");
    SYNFIRE_RETURN_IF_ERROR(check_keys(node, kExpectedKeys));
    PlanFile::Expected expected;
    SYNFIRE_ASSIGN_OR_RETURN(const YamlNode* const rate, required(node, "tokens_per_second"));
    const Result<double> value = parse_real(rate->text);
    if (rate->kind != YamlNode::Kind::scalar || !value.ok() || !(*value > 0 && *value <= kMaxRate))
      return wrong(*rate, "tokens_per_second", "a number more than 0");
    expected.tokens_per_second = *value;
    SYNFIRE_ASSIGN_OR_RETURN(expected.depth, number(node, "depth", 0, kMaxDepth));
    return expected;
  }

  Result<std::uint32_t> number(const YamlNode& root, std::string_view name, std::uint32_t min,
                               std::uint32_t max) const {
    SYNFIRE_ASSIGN_OR_RETURN(const YamlNode* node, required(root, name));
    const bool plain = node->kind == YamlNode::Kind::scalar && !node->quoted;
    const std::optional<std::uint32_t> value = plain ? to_number(node->text) : std::nullopt;
    if (value && *value >= min && *value <= max) return *value;
    return wrong(*node, name,
                 min == max ? fmt::format("{}", min)
                            : fmt::format("a whole number from {} to {}", min, max));
  }

  Result<PlanFile::Layer> layer(const YamlNode& node, const std::string& name) const {
    if (node.kind != YamlNode::Kind::map || node.entries.empty()) {
      return wrong(node, name, "a map of devices and their groups");
    }
    PlanFile::Layer layer;
    std::vector<Placed> taken;
    for (const auto& [key, value] : node.entries) {
      SYNFIRE_ASSIGN_OR_RETURN(PlanFile::Device device, device_plan(key, value, name, taken));
      for (const PlanFile::Device& other : layer.devices) {
        if (other.device != device.device) continue;
        return invalid_argument("{}: {}: device {} twice, want it once", place(key.mark), name,
                                device.device);
      }
      layer.devices.push_back(std::move(device));
    }
    SYNFIRE_RETURN_IF_ERROR(check_cover(node, name, taken));
    return layer;
  }

  Result<PlanFile::Device> device_plan(const YamlNode& key, const YamlNode& value,
                                       const std::string& layer_name,
                                       std::vector<Placed>& taken) const {
    const Result<DeviceSpec> spec = parse_device_spec(key.text);
    if (!spec.ok()) {
      return spec.status().with_context(fmt::format("{}: {}", place(key.mark), layer_name));
    }
    PlanFile::Device device{spec->to_string(), {}};
    const std::string name = fmt::format("{}: {}", layer_name, device.device);
    std::vector<Placed> ranges;
    SYNFIRE_RETURN_IF_ERROR(read_ranges(value, name, ranges));
    for (const Placed& placed : ranges) device.groups.push_back(placed.range);
    std::sort(device.groups.begin(), device.groups.end(),
              [](const PlanFile::Range& a, const PlanFile::Range& b) { return a.first < b.first; });
    taken.insert(taken.end(), ranges.begin(), ranges.end());
    return device;
  }

  // Nothing, one range, or a list of ranges.
  Status read_ranges(const YamlNode& value, std::string_view name,
                     std::vector<Placed>& ranges) const {
    if (value.kind == YamlNode::Kind::null) return {};
    if (value.kind != YamlNode::Kind::sequence) return read_range(value, name, ranges);
    for (const YamlNode& item : value.items) {
      SYNFIRE_RETURN_IF_ERROR(read_range(item, name, ranges));
    }
    return {};
  }

  Status read_range(const YamlNode& node, std::string_view name,
                    std::vector<Placed>& ranges) const {
    constexpr std::string_view kWant = "a group or a range of groups like 0-11";
    if (node.kind != YamlNode::Kind::scalar) return wrong(node, name, kWant);
    const std::string_view text = node.text;
    const std::size_t dash = text.find('-');
    const auto first = to_number(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : to_number(text.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= kMaxGroup) return wrong(node, name, kWant);
    ranges.push_back({{*first, *last}, node.mark});
    return {};
  }

  // Every group from 0 to the last is on exactly one device.
  [[nodiscard]] Status check_cover(const YamlNode& layer, const std::string& name,
                                   std::vector<Placed> taken) const {
    std::sort(taken.begin(), taken.end(),
              [](const Placed& a, const Placed& b) { return a.range.first < b.range.first; });
    std::uint32_t next = 0;
    for (const Placed& placed : taken) {
      if (placed.range.first < next) {
        return invalid_argument("{}: {}: groups {} overlap groups before, want each group once",
                                place(placed.mark), name, range_text(placed.range));
      }
      if (placed.range.first > next) {
        return invalid_argument("{}: {}: group {} is on no device", place(layer.mark), name, next);
      }
      next = placed.range.last + 1;
    }
    if (next == 0) return invalid_argument("{}: {}: no groups", place(layer.mark), name);
    return {};
  }

  std::string_view file_name_;
};

}  // namespace

Result<PlanFile> read_plan_file(const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::string text, read_text_file(path, kMaxPlanFileBytes));
  return parse_plan_file(text, path.string());
}

Result<PlanFile> parse_plan_file(std::string_view text, std::string_view file_name) {
  if (text.size() > kMaxPlanFileBytes) {
    return invalid_argument("{}: {} bytes, want {} at most", file_name, text.size(),
                            kMaxPlanFileBytes);
  }
  SYNFIRE_ASSIGN_OR_RETURN(const YamlNode root, parse_yaml(text, file_name));
  return Reader(file_name).plan(root);
}

std::string format_plan_file(const PlanFile& plan, std::string_view comment) {
  std::string text;
  while (!comment.empty()) {
    const std::size_t end = std::min(comment.find('\n'), comment.size());
    text += fmt::format("# {}\n", comment.substr(0, end));
    comment.remove_prefix(std::min(end + 1, comment.size()));
  }
  text += fmt::format("version: {}\ngroup_size: {}\n", plan.version, plan.group_size);
  if (plan.expected)
    text += fmt::format("expected:\n  tokens_per_second: {:.4g}\n  depth: {}\n",
                        plan.expected->tokens_per_second, plan.expected->depth);
  text += "layers:\n";
  for (const PlanFile::Layer& layer : plan.layers) {
    const char* lead = "  - ";
    for (const PlanFile::Device& device : layer.devices) {
      std::string ranges;
      for (const PlanFile::Range& range : device.groups)
        ranges += (ranges.empty() ? "" : ", ") + range_text(range);
      text += fmt::format("{}\"{}\": [{}]\n", std::exchange(lead, "    "), device.device, ranges);
    }
  }
  return text;
}

std::vector<PlanFile::Range> plan_ranges(const std::vector<std::uint32_t>& numbers) {
  std::vector<PlanFile::Range> ranges;
  for (const std::uint32_t number : numbers) {
    if (!ranges.empty() && ranges.back().last + 1 == number)
      ranges.back().last = number;
    else
      ranges.push_back({number, number});
  }
  return ranges;
}

}  // namespace synfire
