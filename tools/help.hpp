#pragma once

#include <string>

#include "core/base/command.hpp"

// --help, from the tables of commands and options.
namespace synfire::cli {

[[nodiscard]] std::string program_help();
[[nodiscard]] std::string command_help(const CommandInfo& command);

}  // namespace synfire::cli
