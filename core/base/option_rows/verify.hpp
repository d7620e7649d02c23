#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What only `verify` takes.
inline constexpr std::array kVerifyOptions = {
    Option{.name = "golden",
           .value_name = "FILE",
           .group = "Verification",
           .help = "reference answers to compare with",
           .commands = Command::verify},
    Option{.name = "max-logit-diff",
           .type = OptionType::real,
           .value_name = "X",
           .unset = "by the dtype of the weights",
           .min = 0,
           .group = "Verification",
           .help = "largest difference of a logit that passes",
           .commands = Command::verify},
    Option{.name = "max-nll-diff",
           .type = OptionType::real,
           .value_name = "X",
           .unset = "by the dtype of the weights",
           .min = 0,
           .group = "Verification",
           .help = "largest difference of the text's NLL that passes",
           .commands = Command::verify},
    Option{.name = "prompts-only",
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Verification",
           .help = "leave the golden's text out",
           .commands = Command::verify},
    Option{.name = "against",
           .type = OptionType::devices,
           .value_name = "LIST",
           .group = "Verification",
           .help = "compare with these devices instead of a golden",
           .commands = Command::verify},
    Option{.name = "n-predict",
           .short_flag = 'n',
           .type = OptionType::uinteger,
           .value_name = "TOKENS",
           .default_text = "32",
           .min = 1,
           .max = 16777216,
           .group = "Verification",
           .help = "tokens to compare with --against",
           .commands = Command::verify},
};

}  // namespace synfire
