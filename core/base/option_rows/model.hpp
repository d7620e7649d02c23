#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// The model, for whatever command loads one.
inline constexpr std::array kModelOptions = {
    Option{.name = "model",
           .short_flag = 'm',
           .yaml = "model.path",
           .env = "SYNFIRE_MODEL",
           .value_name = "FILE",
           .group = "Model",
           .help = "GGUF file of the model",
           .commands = kEngineCommands | Command::tokenize | Command::inspect | Command::quantize},
    Option{.name = "ctx",
           .short_flag = 'c',
           .yaml = "model.context",
           .env = "SYNFIRE_CTX",
           .type = OptionType::uinteger,
           .value_name = "TOKENS",
           .unset = "the model's",
           .min = 1,
           .max = 16777216,
           .group = "Model",
           .help = "tokens that a sequence can hold, prompt and answer",
           .commands = kEngineCommands},
    Option{.name = "ffn-activation",
           .yaml = "model.ffn_activation",
           .env = "SYNFIRE_FFN_ACTIVATION",
           .type = OptionType::choice,
           .value_name = "NAME",
           .unset = "the file's",
           .choices = "silu|relu|relu2|gelu|drelu",
           .group = "Model",
           .help = "activation of the FFN, for files that say it wrong or not at all",
           .commands = kEngineCommands},
    Option{.name = "down-dtype",
           .yaml = "model.down_dtype",
           .env = "SYNFIRE_DOWN_DTYPE",
           .type = OptionType::choice,
           .value_name = "DTYPE",
           .unset = "f16, with predictor threshold q8_0",
           .choices = "f16|q8_0|q4_0",
           .group = "Model",
           .help = "what a quantized ffn_down becomes where neurons are read one by one",
           .commands = kEngineCommands},
    Option{.name = "kv-dtype",
           .yaml = "model.kv_dtype",
           .env = "SYNFIRE_KV_DTYPE",
           .type = OptionType::choice,
           .value_name = "DTYPE",
           .default_text = "f16",
           .choices = "f32|f16|q8_0",
           .group = "Model",
           .help = "dtype of the KV cache; verify: f32 for F32 weights if nothing is said",
           .commands = kEngineCommands},
};

}  // namespace synfire
