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
           .choices = "fit",
           .group = "Fitting",
           .help = "fit: writes FILE.synfire/predictor-TYPE.gguf beside the model",
           .commands = Command::predictor},
    Option{.name = "type",
           .type = OptionType::choice,
           .value_name = "TYPE",
           .default_text = "svd",
           .choices = "svd|signbit|threshold",
           .group = "Fitting",
           .help = "svd: a low-rank copy of each gate; signbit: biases for the gates' sign bits; "
                   "threshold: which small activations to leave out, for models without a ReLU",
           .commands = Command::predictor},
    Option{.name = "rank",
           .type = OptionType::uinteger,
           .value_name = "N",
           .unset = "of each layer what reads least",
           .min = 1,
           .max = 65536,
           .group = "Fitting",
           .help = "rank of svd",
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
    Option{.name = "skip",
           .type = OptionType::real,
           .value_name = "SHARE",
           .default_text = "0.4",
           .min = 0,
           .max = 0.99,
           .group = "Fitting",
           .help = "threshold: share of the neurons to leave out",
           .commands = Command::predictor},
    Option{.name = "whiten",
           .type = OptionType::choice,
           .value_name = "BY",
           .default_text = "inputs",
           .choices = "inputs|none",
           .group = "Fitting",
           .help = "svd: least error for inputs as they come, or as if all directions were alike",
           .commands = Command::predictor},
    Option{.name = "tokens",
           .type = OptionType::uinteger,
           .value_name = "N",
           .default_text = "4096",
           .min = 4,
           .max = 1073741824,
           .group = "Fitting",
           .help = "tokens to run at most; unless said, twice d_model where that is more",
           .commands = Command::predictor},
};

}  // namespace synfire
