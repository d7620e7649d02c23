#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What only `inspect` takes.
inline constexpr std::array kInspectOptions = {
    Option{.name = "out",
           .short_flag = 'o',
           .value_name = "FILE",
           .unset = "no pictures",
           .group = "Pictures",
           .help =
               "draw what is known of the model: *.html for a page of all, *.svg for the one of "
               "--picture",
           .commands = Command::inspect},
    Option{.name = "picture",
           .type = OptionType::choice,
           .value_name = "NAME",
           .unset = "all",
           .choices = "activity|coverage|overlap|predictor|placement|roofline|loss-curve",
           .group = "Pictures",
           .help = "draw this one alone",
           .commands = Command::inspect},
    Option{.name = "profile",
           .value_name = "FILE",
           .unset = "MODEL.synfire/profile.gguf",
           .group = "Pictures",
           .help = "what `synfire profile` recorded",
           .commands = Command::inspect},
    Option{.name = "plan",
           .value_name = "FILE",
           .unset = "MODEL.synfire/plan.yaml",
           .group = "Pictures",
           .help = "what `synfire plan` wrote",
           .commands = Command::inspect},
    Option{.name = "eval",
           .type = OptionType::list,
           .value_name = "FILE",
           .unset = "no curve of losses",
           .group = "Pictures",
           .help = "what `synfire predictor eval --json` printed, for the loss-curve: bytes read "
                   "against perplexity lost",
           .commands = Command::inspect},
    Option{.name = "devices",
           .value_name = "FILE",
           .unset = "bytes without times",
           .group = "Pictures",
           .help = "YAML that describes the plan's devices, for the times of the roofline",
           .commands = Command::inspect},
};

}  // namespace synfire
