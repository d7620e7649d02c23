#pragma once

#include <optional>

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"
#include "core/runtime/profile_file.hpp"

namespace synfire::cli {

// What was recorded of a model: the profile that --profile names, or where neither it nor a text is
// given, the one beside the model. Nothing where there is none.
[[nodiscard]] Result<std::optional<ProfileFile>> open_profile(const OptionValues& values,
                                                              const GgufFile& model,
                                                              const Program& program);

}  // namespace synfire::cli
