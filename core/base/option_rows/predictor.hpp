#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What only `predictor` takes.
inline constexpr std::array kPredictorOptions = {
    Option{.name = "action",
           .type = OptionType::choice,
           .value_name = "ACTION",
           .default_text = "fit",
           .choices = "fit|export|import",
           .group = "Fitting",
           .help = "fit: writes FILE.synfire/predictor-TYPE.gguf beside the model; export: writes "
                   "the model with its mlp predictors in PowerInfer's format; import: takes mlp "
                   "predictors of another file",
           .commands = Command::predictor},
    Option{.name = "out",
           .short_flag = 'o',
           .value_name = "FILE",
           .group = "Fitting",
           .help = "export: the PWRI file to write",
           .commands = Command::predictor},
    Option{.name = "from",
           .value_name = "FILE",
           .group = "Fitting",
           .help = "import: a PWRI file, or the predictor-mlp.gguf of a model of the same shape",
           .commands = Command::predictor},
    Option{.name = "type",
           .type = OptionType::choice,
           .value_name = "TYPE",
           .default_text = "svd",
           .choices = "svd|mlp|signbit",
           .group = "Fitting",
           .help = "svd: a low-rank copy of each gate; mlp: PowerInfer's two matrices, trained; "
                   "signbit: biases for the gates' sign bits",
           .commands = Command::predictor},
    Option{.name = "rank",
           .type = OptionType::uinteger,
           .value_name = "N",
           .unset = "of each layer what reads least",
           .min = 1,
           .max = 65536,
           .group = "Fitting",
           .help = "rank of svd and mlp",
           .commands = Command::predictor},
    Option{.name = "recall",
           .type = OptionType::real,
           .value_name = "R",
           .default_text = "0.95",
           .min = 0,
           .max = 1,
           .above_min = true,
           .group = "Fitting",
           .help = "of the neurons that fire, the share to predict",
           .commands = Command::predictor},
    Option{.name = "whiten",
           .type = OptionType::choice,
           .value_name = "BY",
           .default_text = "inputs",
           .choices = "inputs|none",
           .group = "Fitting",
           .help = "svd: least error for inputs as they come, or as if all directions were alike",
           .commands = Command::predictor},
    Option{.name = "rows",
           .type = OptionType::uinteger,
           .value_name = "N",
           .unset = "2048; mlp: 32768",
           .min = 256,
           .max = 16777216,
           .group = "Fitting",
           .help = "what is kept of each layer to fit to, of all tokens alike; d_model floats each",
           .commands = Command::predictor},
    Option{.name = "dtype",
           .type = OptionType::choice,
           .value_name = "DTYPE",
           .unset = "what reads least",
           .choices = "Q4_0|Q8_0|F16",
           .group = "Fitting",
           .help = "mlp: dtype of the matrices; rows that are no blocks of 32 become F16",
           .commands = Command::predictor},
    Option{.name = "tokens",
           .type = OptionType::uinteger,
           .value_name = "N",
           .default_text = "4096",
           .min = 4,
           .max = 1073741824,
           .group = "Fitting",
           .help =
               "tokens to run at most; unless said, twice d_model where that is more, and mlp as "
               "many as fill its rows",
           .commands = Command::predictor},
};

}  // namespace synfire
