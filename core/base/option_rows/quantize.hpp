#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What only `quantize` takes.
inline constexpr std::array kQuantizeOptions = {
    Option{
        .name = "out",
        .short_flag = 'o',
        .value_name = "FILE",
        .group = "Quantization",
        .help = "the file to write, GGUF or PWRI as the model is; it appears whole or not at all",
        .commands = Command::quantize},
    Option{.name = "dtype",
           .type = OptionType::choice,
           .value_name = "DTYPE",
           .choices = "Q8_0|Q4_0|Q4_K|Q6_K|BF16",
           .group = "Quantization",
           .help = "of matrices; vectors are F32. Unless --pure, the output matrix is Q6_K beside "
                   "Q4_0 and Q4_K, and PowerInfer's predictors are Q8_0",
           .commands = Command::quantize},
    Option{.name = "pure",
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Quantization",
           .help = "all matrices alike",
           .commands = Command::quantize},
    Option{.name = "layout",
           .type = OptionType::choice,
           .value_name = "NAME",
           .unset = "the model's",
           .choices = "dense|neuron",
           .group = "Quantization",
           .help = "dense: GGUF as everybody reads it; neuron: neuron-major ffn_down_t",
           .commands = Command::quantize},
    Option{.name = "sidecars",
           .type = OptionType::choice,
           .value_name = "WHAT",
           .default_text = "carry",
           .choices = "carry|none",
           .group = "Quantization",
           .help = "carry: predictors and profile in MODEL.synfire come along, since what was "
                   "fitted to the model holds for its copy nearly as well; none: the file alone",
           .commands = Command::quantize},
    Option{.name = "threads",
           .short_flag = 't',
           .type = OptionType::uinteger,
           .value_name = "N",
           .unset = "one per core",
           .min = 1,
           .max = 4096,
           .group = "Quantization",
           .help = "threads that quantize; the bytes do not depend on it",
           .commands = Command::quantize},
};

}  // namespace synfire
