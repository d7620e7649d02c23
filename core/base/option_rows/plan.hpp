#pragma once

#include <array>

#include "core/base/command_sets.hpp"
#include "core/base/option.hpp"

namespace synfire {

// What only `plan` takes.
inline constexpr std::array kPlanOptions = {
    Option{.name = "devices",
           .value_name = "WHICH",
           .default_text = "measured",
           .group = "Planning",
           .help = "measured: those of --device, by decodes of this model on them; or a YAML file "
                   "that describes devices, perhaps of another machine",
           .commands = Command::plan},
    Option{.name = "out",
           .short_flag = 'o',
           .value_name = "FILE",
           .unset = "MODEL.synfire/plan.yaml, which run, serve and bench follow; of described "
                    "devices MODEL.synfire/plan-FILE.yaml",
           .group = "Planning",
           .help = "where the plan goes, for --plan",
           .commands = Command::plan},
    Option{.name = "dry-run",
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Planning",
           .help = "print the plan, write nothing",
           .commands = Command::plan},
    Option{.name = "group-size",
           .type = OptionType::uinteger,
           .value_name = "NEURONS",
           .default_text = "32",
           .min = 1,
           .max = 256,
           .group = "Planning",
           .help = "neurons that stay together",
           .commands = Command::plan},
    Option{.name = "cluster",
           .type = OptionType::boolean,
           .default_text = "false",
           .group = "Planning",
           .help =
               "groups of neurons that fire together, wherever the file has them; the plan then "
               "lists single neurons",
           .commands = Command::plan},
    Option{
        .name = "cut",
        .type = OptionType::boolean,
        .default_text = "false",
        .group = "Planning",
        .help =
            "single neurons of some groups balance the devices where whole groups cannot; the plan "
            "then lists single neurons",
        .commands = Command::plan},
    Option{.name = "tokens",
           .type = OptionType::uinteger,
           .value_name = "N",
           .default_text = "512",
           .min = 16,
           .max = 2048,
           .group = "Planning",
           .help = "tokens to trace the neurons for",
           .commands = Command::plan},
    Option{.name = "depth",
           .type = OptionType::uinteger,
           .value_name = "TOKENS",
           .default_text = "64",
           .min = 0,
           .max = 16777216,
           .group = "Planning",
           .help = "tokens in the KV cache of an expected token; at most half of the context",
           .commands = Command::plan},
    Option{.name = "gpuidx",
           .value_name = "FILE",
           .unset = "none",
           .group = "Planning",
           .help = "PowerInfer's choice of neurons for the first device, instead of an own one",
           .commands = Command::plan},
};

}  // namespace synfire
