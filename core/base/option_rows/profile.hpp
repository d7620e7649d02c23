#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What only `profile` takes.
inline constexpr std::array kProfileOptions = {
    Option{.name = "file",
           .short_flag = 'f',
           .type = OptionType::list,
           .value_name = "FILE",
           .group = "Profiling",
           .help = "text, or prompts as *.jsonl, like those that the model will meet; again for "
                   "more",
           .commands = Command::profile},
    Option{.name = "max-bytes",
           .type = OptionType::bytes,
           .value_name = "BYTES",
           .unset = "all",
           .min = 1,
           .group = "Profiling",
           .help = "of all texts together to read at most",
           .commands = Command::profile},
    Option{.name = "out",
           .short_flag = 'o',
           .value_name = "FILE",
           .unset = "MODEL.synfire/profile.gguf",
           .group = "Profiling",
           .help = "where the profile goes; it is written whole or not at all",
           .commands = Command::profile},
    Option{.name = "resume",
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Profiling",
           .help = "go on where a run with the same texts was stopped or killed",
           .commands = Command::profile},
    Option{.name = "checkpoint",
           .type = OptionType::duration,
           .value_name = "TIME",
           .default_text = "30s",
           .min = 0,
           .group = "Profiling",
           .help = "how often what is known so far is written; 0s: after each window",
           .commands = Command::profile},
};

}  // namespace synfire
