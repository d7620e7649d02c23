#include "tools/help.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/base/options.hpp"

namespace synfire::cli {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kIndent = 28;  // where the explanation of a flag starts

std::string left_column(const Option& option) {
  std::string text =
      option.short_flag == '\0' ? "      " : fmt::format("  -{}, ", option.short_flag);
  text += fmt::format("--{}", option.name);
  if (option.type != OptionType::boolean) text += fmt::format(" {}", option.value_name);
  return text;
}

// `left` padded to the second column, then `right` broken between words.
std::string two_columns(std::string left, std::string_view right) {
  std::string text = std::move(left);
  const auto next_line = [&text] { text += '\n' + std::string(kIndent, ' '); };
  if (text.size() + 2 > kIndent) {
    next_line();
  } else {
    text.resize(kIndent, ' ');
  }
  std::size_t column = kIndent;
  while (!right.empty()) {
    const std::size_t end = std::min(right.find(' '), right.size());
    if (column != kIndent && column + 1 + end > kWidth) {
      next_line();
      column = kIndent;
    }
    if (column != kIndent) {
      text += ' ';
      ++column;
    }
    text += right.substr(0, end);
    column += end;
    right.remove_prefix(std::min(end + 1, right.size()));
  }
  return text + '\n';
}

// Groups in the order in which the table first names them.
std::vector<std::string_view> groups_of(const std::vector<const Option*>& options) {
  std::vector<std::string_view> groups;
  for (const Option* option : options) {
    if (std::find(groups.begin(), groups.end(), option->group) == groups.end()) {
      groups.push_back(option->group);
    }
  }
  return groups;
}

}  // namespace

std::string program_help() {
  std::string text = "usage: synfire COMMAND [options]\n\n";
  for (const CommandInfo& command : kCommands) {
    text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  }
  text += "\n  synfire COMMAND --help       the options of a command\n";
  text += "  synfire --version            the version\n\n";
  return text + "Exit codes: 0 done, 1 failed (or a verification that FAILs), 2 wrong usage.\n";
}

std::string command_help(const CommandInfo& command) {
  std::string text = fmt::format("usage: synfire {} [options]", command.name);
  if (!command.positional.empty()) {
    const Option* const positional = find_option(command.command, command.positional);
    if (positional != nullptr) text += fmt::format(" [{}]", positional->value_name);
  }
  text += fmt::format("\n\n{}\n", command.summary);
  const std::vector<const Option*> options = options_of(command.command);
  for (const std::string_view group : groups_of(options)) {
    text += fmt::format("\n{}:\n", group);
    for (const Option* option : options) {
      if (option->group == group) text += two_columns(left_column(*option), help_text(*option));
    }
  }
  return text + two_columns("  -h, --help", "this text");
}

}  // namespace synfire::cli
