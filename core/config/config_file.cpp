#include "core/config/config_file.hpp"

#include <string>
#include <utility>
#include <vector>

#include "core/base/options.hpp"
#include "core/base/suggest.hpp"
#include "core/config/yaml_reader.hpp"

namespace synfire {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

bool starts_with_section(std::string_view path, std::string_view section) {
  return section.empty() ||
         (path.size() > section.size() && path.starts_with(section) && path[section.size()] == '.');
}

bool is_section(std::string_view path) {
  for (const Option& option : option_table()) {
    if (starts_with_section(option.yaml, path)) return true;
  }
  return false;
}

// The keys that may stand in a section, each once or more.
std::vector<std::string_view> keys_of(std::string_view section) {
  std::vector<std::string_view> keys;
  for (const Option& option : option_table()) {
    if (option.yaml.empty() || !starts_with_section(option.yaml, section)) continue;
    const std::string_view rest =
        section.empty() ? option.yaml : option.yaml.substr(section.size() + 1);
    keys.push_back(rest.substr(0, rest.find('.')));
  }
  return keys;
}

// A key that is right but in the wrong section, or the flag's name instead of the file's.
std::string elsewhere(std::string_view key) {
  for (const Option& option : option_table()) {
    if (option.yaml.empty()) continue;
    const bool same_key = option.yaml.substr(option.yaml.rfind('.') + 1) == key;
    if (same_key || option.name == key) return fmt::format(" (did you mean '{}'?)", option.yaml);
  }
  return {};
}

// A flag is one text; here a list is written as a list, and a number without quotes.
std::string wanted_in_yaml(const Option& option) {
  return is_list(option.type) ? "a list of " + wanted(option) : wanted(option);
}

bool is_text(OptionType type) {
  switch (type) {
    case OptionType::string:
    case OptionType::choice:
    case OptionType::list:
    case OptionType::biases:
    case OptionType::bytes:
    case OptionType::duration:
    case OptionType::devices:
    case OptionType::endpoint: return true;
    case OptionType::boolean:
    case OptionType::integer:
    case OptionType::uinteger:
    case OptionType::real:
    case OptionType::ids: return false;
  }
  return false;
}

class Loader {
 public:
  Loader(OptionValues& values, std::string_view file_name)
      : values_(values), file_name_(file_name) {}

  // Recursion ends at the table's own depth: a section is the beginning of some option's path.
  Status section(const YamlNode& map, const std::string& path) {
    for (const auto& [key, value] : map.entries) {
      const std::string child = path.empty() ? key.text : path + "." + key.text;
      SYNFIRE_RETURN_IF_ERROR(entry(key, value, path, child));
    }
    return {};
  }

  [[nodiscard]] Status wrong(const YamlNode& node, std::string_view path,
                             std::string_view want) const {
    const std::string place = yaml_place(file_name_, node.mark);
    if (path.empty()) return invalid_argument("{}: got {}, want {}", place, node.describe(), want);
    return invalid_argument("{}: {}: got {}, want {}", place, path, node.describe(), want);
  }

 private:
  Status entry(const YamlNode& key, const YamlNode& value, const std::string& section_path,
               const std::string& path) {
    if (const Option* option = find_yaml_option(path)) return set(*option, value);
    if (!is_section(path)) return unknown(key, section_path);
    if (value.kind == YamlNode::Kind::null) return {};
    if (value.kind != YamlNode::Kind::map) return wrong(value, path, "a map");
    return section(value, path);
  }

  [[nodiscard]] Status unknown(const YamlNode& key, std::string_view section_path) const {
    std::string hint = did_you_mean(key.text, keys_of(section_path));
    if (hint.empty()) hint = elsewhere(key.text);
    const std::string where =
        section_path.empty() ? std::string() : fmt::format(" in '{}'", section_path);
    return invalid_argument("{}: unknown key {}{}{}", yaml_place(file_name_, key.mark),
                            key.describe(), where, hint);
  }

  Status set(const Option& option, const YamlNode& value) {
    switch (value.kind) {
      case YamlNode::Kind::null:
        if (option.default_text.empty()) return {};
        break;
      case YamlNode::Kind::scalar:
        if (!is_list(option.type)) return set_scalar(option, value);
        break;
      case YamlNode::Kind::sequence:
        if (is_list(option.type) || option.type == OptionType::devices) {
          return set_list(option, value);
        }
        break;
      case YamlNode::Kind::map: break;
    }
    return wrong(value, option.yaml, wanted_in_yaml(option));
  }

  Status set_scalar(const Option& option, const YamlNode& value) {
    if (value.quoted && !is_text(option.type)) return wrong(value, option.yaml, wanted(option));
    return values_.set_from_text(option, value.text, source(value));
  }

  Status set_list(const Option& option, const YamlNode& list) {
    std::string joined;
    for (const YamlNode& item : list.items) {
      if (item.kind != YamlNode::Kind::scalar) return wrong(item, option.yaml, wanted(option));
      if (option.type != OptionType::devices) {
        SYNFIRE_RETURN_IF_ERROR(set_scalar(option, item));
      } else {
        joined += (joined.empty() ? "" : ",") + item.text;
      }
    }
    if (option.type != OptionType::devices) return {};
    return values_.set_from_text(option, joined, source(list));
  }

  [[nodiscard]] OptionSource source(const YamlNode& node) const {
    return {SourceKind::yaml, yaml_place(file_name_, node.mark)};
  }

  OptionValues& values_;
  std::string_view file_name_;
};

}  // namespace

Status load_config_file(OptionValues& values, const std::filesystem::path& path) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::string text, read_text_file(path, kMaxBytes));
  return load_config_text(values, text, path.string());
}

Status load_config_text(OptionValues& values, std::string_view text, std::string_view file_name) {
  if (text.size() > kMaxBytes) {
    return invalid_argument("{}: {} bytes, want {} at most", file_name, text.size(), kMaxBytes);
  }
  SYNFIRE_ASSIGN_OR_RETURN(const YamlNode root, parse_yaml(text, file_name));
  Loader loader(values, file_name);
  if (root.kind != YamlNode::Kind::map) return loader.wrong(root, "", "a map of options");
  return loader.section(root, "");
}

}  // namespace synfire
