#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace synfire::cli {

// The whole of a file; "-" is stdin. Errors name the file. At most 1 GiB.
[[nodiscard]] Result<std::string> read_text(const std::filesystem::path& path);
// The same of a text to learn from or to measure on: INVALID_ARGUMENT where it is not UTF-8.
[[nodiscard]] Result<std::string> read_utf8_text(const std::filesystem::path& path);

}  // namespace synfire::cli
