#pragma once

#include <span>
#include <string>

#include "core/base/command.hpp"
#include "core/base/option_values.hpp"
#include "core/base/options.hpp"

namespace synfire::cli {

struct CommandLine {
  OptionValues values;
  bool help = false;  // --help was given; the values may then be incomplete
};

// The options of a command from its arguments, the environment and the file that --config or
// SYNFIRE_CONFIG names. Errors are INVALID_ARGUMENT and name the flag, variable or place.
[[nodiscard]] Result<CommandLine> read_command_line(const CommandInfo& command,
                                                    std::span<const std::string> arguments,
                                                    const ReadEnvironment& environment);

}  // namespace synfire::cli
