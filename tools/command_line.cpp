#include "tools/command_line.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/base/suggest.hpp"
#include "core/config/config_file.hpp"

namespace synfire::cli {
namespace {

// What the parser found: texts by option, in the order given.
struct Given {
  const Option* option;
  std::vector<std::string> texts;
};

constexpr int kMaxValues = 65536;  // of one option that takes several

std::string parser_names(const Option& option, std::string_view positional) {
  std::string names = flag_names(option);
  if (option.name == positional) names += fmt::format(",{}", option.name);
  return names;
}

void add_option(CLI::App& app, const Option& option, std::string_view positional,
                std::vector<Given>& given) {
  const auto take = [&given, &option](const CLI::results_t& results) {
    given.push_back({&option, results});
    return true;
  };
  if (option.type == OptionType::boolean) {
    app.add_flag(flag_names(option))->each([&given, &option](const std::string& text) {
      given.push_back({&option, {text}});
    });
    return;
  }
  CLI::Option* const made = app.add_option(parser_names(option, positional), take);
  made->type_name(std::string(option.value_name));
  made->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  const bool several = option.type == OptionType::ids;
  made->expected(1, several ? kMaxValues : 1);
}

// The parser takes the next argument as the value where "--name=" has none.
std::vector<std::string> split_empty_values(std::span<const std::string> arguments) {
  std::vector<std::string> split;
  for (const std::string& argument : arguments) {
    if (argument.size() > 3 && argument.starts_with("--") && argument.ends_with('=')) {
      split.push_back(argument.substr(0, argument.size() - 1));
      split.emplace_back();
    } else {
      split.push_back(argument);
    }
  }
  return split;
}

Status unknown_argument(Command command, const std::string& argument) {
  if (argument.size() < 2 || !argument.starts_with('-')) {
    return invalid_argument("unexpected argument '{}'", argument);
  }
  std::vector<std::string> flags{"--help"};
  for (const Option* option : options_of(command))
    flags.push_back(fmt::format("--{}", option->name));
  const std::vector<std::string_view> candidates(flags.begin(), flags.end());
  const std::string flag = argument.substr(0, argument.find('='));
  return invalid_argument("unknown option '{}'{}", flag, did_you_mean(flag, candidates));
}

// Fills `given`; true when --help was asked for.
Result<bool> parse(const CommandInfo& command, std::span<const std::string> arguments,
                   std::vector<Given>& given) {
  CLI::App app;
  app.allow_extras();
  for (const Option* option : options_of(command.command)) {
    add_option(app, *option, command.positional, given);
  }
  std::vector<std::string> reversed = split_empty_values(arguments);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return true;
  } catch (const CLI::Error& parse_error) {
    return invalid_argument("{}", parse_error.what());
  }
  for (const std::string& extra : app.remaining()) {
    if (extra != "--") return unknown_argument(command.command, extra);
  }
  return false;
}

}  // namespace

Result<CommandLine> read_command_line(const CommandInfo& command,
                                      std::span<const std::string> arguments,
                                      const ReadEnvironment& environment) {
  std::vector<Given> given;
  CommandLine line{.values = OptionValues(command.command)};
  SYNFIRE_ASSIGN_OR_RETURN(line.help, parse(command, arguments, given));
  if (line.help) return line;
  for (const Given& one : given) {
    for (const std::string& text : one.texts) {
      SYNFIRE_RETURN_IF_ERROR(line.values.set_from_text(*one.option, text, {SourceKind::flag, {}}));
    }
  }
  SYNFIRE_RETURN_IF_ERROR(load_environment(line.values, environment));
  const std::filesystem::path config = line.values.get<std::string>("config");
  if (!config.empty()) SYNFIRE_RETURN_IF_ERROR(load_config_file(line.values, config));
  return line;
}

}  // namespace synfire::cli
