#include "core/base/options.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "core/base/option_table.hpp"

namespace synfire {

std::span<const Option> option_table() { return kOptions; }

std::vector<const Option*> options_of(Command command) {
  std::vector<const Option*> options;
  for (const Option& option : kOptions) {
    if (option.commands.has(command)) options.push_back(&option);
  }
  return options;
}

const Option* find_option(Command command, std::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name && option.commands.has(command)) return &option;
  }
  return nullptr;
}

const Option* find_yaml_option(std::string_view path) {
  for (const Option& option : kOptions) {
    if (!path.empty() && option.yaml == path) return &option;
  }
  return nullptr;
}

std::string flag_names(const Option& option) {
  if (option.short_flag == '\0') return fmt::format("--{}", option.name);
  return fmt::format("-{},--{}", option.short_flag, option.name);
}

std::string help_text(const Option& option) {
  std::string text(option.help);
  std::string notes;
  const auto note = [&notes](std::string_view more) {
    if (!notes.empty()) notes += "; ";
    notes += more;
  };
  const bool plain = option.type == OptionType::boolean || option.type == OptionType::string ||
                     option.type == OptionType::list;
  if (!plain) note(wanted(option));
  if (is_list(option.type)) note("may be repeated");
  if (option.type != OptionType::boolean && !option.default_text.empty()) {
    note(fmt::format("default: {}", option.default_text));
  } else if (!option.unset.empty()) {
    note(fmt::format("default: {}", option.unset));
  }
  if (!notes.empty()) text += fmt::format(" ({})", notes);
  if (!option.env.empty()) text += fmt::format(" [{}]", option.env);
  return text;
}

std::optional<std::string> read_process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Status load_environment(OptionValues& values, const ReadEnvironment& read) {
  for (const Option* option : options_of(values.command())) {
    if (option->env.empty()) continue;
    const std::optional<std::string> text = read(std::string(option->env));
    if (!text || text->empty()) continue;
    SYNFIRE_RETURN_IF_ERROR(values.set_from_text(*option, *text, {SourceKind::environment, {}}));
  }
  return {};
}

}  // namespace synfire
