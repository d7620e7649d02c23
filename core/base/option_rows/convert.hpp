#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What only `convert` takes.
inline constexpr std::array kConvertOptions = {
    Option{.name = "folder",
           .value_name = "FOLDER",
           .group = "Conversion",
           .help = "a Hugging Face model: config.json, safetensors, its tokenizer",
           .commands = Command::convert},
    Option{.name = "out",
           .short_flag = 'o',
           .value_name = "FILE",
           .group = "Conversion",
           .help = "the GGUF file to write; it appears whole or not at all",
           .commands = Command::convert},
    Option{.name = "dtype",
           .type = OptionType::choice,
           .value_name = "DTYPE",
           .unset = "the checkpoint's",
           .choices = "F32|F16|BF16",
           .group = "Conversion",
           .help = "of matrices; vectors are F32",
           .commands = Command::convert},
    Option{.name = "layout",
           .type = OptionType::choice,
           .value_name = "NAME",
           .default_text = "dense",
           .choices = "dense|neuron",
           .group = "Conversion",
           .help = "dense: GGUF as everybody reads it; neuron: neuron-major ffn_down_t",
           .commands = Command::convert},
    Option{.name = "ffn-activation",
           .type = OptionType::choice,
           .value_name = "NAME",
           .unset = "config.json's",
           .choices = "silu|relu|relu2|gelu|drelu",
           .group = "Conversion",
           .help = "activation of the FFN, for configurations that say it wrong",
           .commands = Command::convert},
};

}  // namespace synfire
