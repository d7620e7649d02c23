#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What commands read and how they print.
inline constexpr std::array kTextOptions = {
    Option{.name = "prompt",
           .short_flag = 'p',
           .value_name = "TEXT",
           .group = "Input and output",
           .help = "the text to go on from",
           .commands = kSamplingCommands},
    Option{.name = "prompt",
           .short_flag = 'p',
           .value_name = "TEXT",
           .group = "Input and output",
           .help = "the text to tokenize",
           .commands = Command::tokenize},
    Option{.name = "file",
           .short_flag = 'f',
           .value_name = "FILE",
           .group = "Input and output",
           .help = "file with the text",
           .commands = Command::tokenize | Command::perplexity},
    Option{.name = "file",
           .short_flag = 'f',
           .value_name = "FILE",
           .unset = "random tokens",
           .group = "Input and output",
           .help = "file with a text like those that the model will meet",
           .commands = Command::predictor | Command::plan},
    Option{.name = "decode",
           .type = OptionType::ids,
           .value_name = "ID...",
           .group = "Input and output",
           .help = "the other way: ids to text",
           .commands = Command::tokenize},
    Option{.name = "special",
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Input and output",
           .help = "read special tokens in the text as such",
           .commands = kSamplingCommands | Command::tokenize},
    Option{.name = "interactive",
           .short_flag = 'i',
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Input and output",
           .help = "go on in turns",
           .commands = Command::run},
    Option{.name = "interactive",
           .short_flag = 'i',
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Input and output",
           .help = "measure a round for each line of stdin, and say it at once",
           .commands = Command::bench},
    Option{.name = "json",
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Input and output",
           .help = "machine-readable output",
           .commands = kAllCommands},
};

}  // namespace synfire
