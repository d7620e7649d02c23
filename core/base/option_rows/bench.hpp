#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What only `bench` takes.
inline constexpr std::array kBenchOptions = {
    Option{.name = "prompt-tokens",
           .short_flag = 'p',
           .type = OptionType::uinteger,
           .value_name = "TOKENS",
           .default_text = "512",
           .min = 0,
           .max = 16777216,
           .group = "Measurement",
           .help = "length of the prompt; 0 measures decode alone",
           .commands = Command::bench},
    Option{.name = "n-predict",
           .short_flag = 'n',
           .type = OptionType::uinteger,
           .value_name = "TOKENS",
           .default_text = "64",
           .min = 0,
           .max = 16777216,
           .group = "Measurement",
           .help = "tokens to decode; 0 measures prefill alone",
           .commands = Command::bench},
    Option{.name = "rounds",
           .short_flag = 'r',
           .type = OptionType::uinteger,
           .value_name = "N",
           .default_text = "5",
           .min = 1,
           .max = 1000,
           .group = "Measurement",
           .help = "times to measure",
           .commands = Command::bench},
    Option{.name = "batch",
           .type = OptionType::uinteger,
           .value_name = "N",
           .default_text = "1",
           .min = 1,
           .max = 4096,
           .group = "Measurement",
           .help = "sequences that decode at once",
           .commands = Command::bench},
    Option{.name = "probe",
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Measurement",
           .help = "measure the memory's bandwidth alone, without a model",
           .commands = Command::bench},
    Option{.name = "depth",
           .type = OptionType::uinteger,
           .value_name = "TOKENS",
           .default_text = "0",
           .min = 0,
           .max = 16777216,
           .group = "Measurement",
           .help = "tokens in the KV cache before the measurement",
           .commands = Command::bench},
};

}  // namespace synfire
