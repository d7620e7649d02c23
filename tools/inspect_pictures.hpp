#pragma once

#include "core/base/option_values.hpp"
#include "core/base/status.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire::cli {

// Whether the options for pictures fit together.
[[nodiscard]] Status check_pictures(const OptionValues& values);

// Draws what is known of a model, or what a profile says, into the file of --out. What is not known
// is left out, and that is said.
[[nodiscard]] Status draw_pictures(const GgufFile& file, const OptionValues& values);

}  // namespace synfire::cli
