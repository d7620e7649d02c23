#pragma once

#include <filesystem>
#include <vector>

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"

namespace synfire::cli {

// The folders to load plugins from, absolute: those of --plugin-dir, or the one beside the binary.
[[nodiscard]] Result<std::vector<std::filesystem::path>> plugin_dirs(const OptionValues& values);

}  // namespace synfire::cli
