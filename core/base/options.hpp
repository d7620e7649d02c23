#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/option.hpp"
#include "core/base/option_values.hpp"

// The one table of options, and what derives from it.
namespace synfire {

[[nodiscard]] std::span<const Option> option_table();

// The options of a command, in the order of the table.
[[nodiscard]] std::vector<const Option*> options_of(Command command);

// By name within a command; null: the command has no such option.
[[nodiscard]] const Option* find_option(Command command, std::string_view name);
// By path within a file ("model.context"), of whatever command; null: there is none.
[[nodiscard]] const Option* find_yaml_option(std::string_view path);

// "-c,--ctx": what a command-line parser registers.
[[nodiscard]] std::string flag_names(const Option& option);
// "tokens a sequence can hold (a whole number of at least 1; default: the model's) [SYNFIRE_CTX,
// model.context]": one paragraph of --help.
[[nodiscard]] std::string help_text(const Option& option);

// Reads a variable; nullopt: not set. Tests give their own.
using ReadEnvironment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] std::optional<std::string> read_process_environment(const std::string& name);

// Sets every option of the command whose variable is set and not empty.
[[nodiscard]] Status load_environment(OptionValues& values, const ReadEnvironment& read);

}  // namespace synfire
