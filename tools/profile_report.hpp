#pragma once

#include "core/base/result.hpp"
#include "core/runtime/profile_file.hpp"

namespace synfire::cli {

// What a profile says of each layer, as a table or as JSON, on stdout.
[[nodiscard]] Status print_profile(const ProfileFile& profile, bool json);

}  // namespace synfire::cli
