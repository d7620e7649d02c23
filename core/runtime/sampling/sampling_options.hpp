#pragma once

#include "core/base/option_values.hpp"
#include "core/runtime/sampling/sampling_params.hpp"

namespace synfire {

// The sampling options of a command (run, generate) as parameters. Not yet validated against a
// vocabulary.
[[nodiscard]] SamplingParams sampling_from_options(const OptionValues& values);

}  // namespace synfire
