#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What every command has.
inline constexpr std::array kGeneralOptions = {
    Option{.name = "config",
           .env = "SYNFIRE_CONFIG",
           .value_name = "FILE",
           .unset = "none",
           .group = "General",
           .help = "YAML file with options; flags and environment go before it",
           .commands = kAllCommands},
    Option{.name = "log-level",
           .yaml = "log.level",
           .env = "SYNFIRE_LOG_LEVEL",
           .type = OptionType::choice,
           .value_name = "LEVEL",
           .default_text = "info",
           .choices = "trace|debug|info|warning|error|off",
           .group = "General",
           .help = "what to say on stderr",
           .commands = kAllCommands},
};

}  // namespace synfire
