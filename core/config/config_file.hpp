#pragma once

#include <filesystem>
#include <string_view>

#include "core/base/option_values.hpp"

namespace synfire {

// Sets options from YAML. Every key must be one of the table's and every value fit, whatever the
// command, or the error says file:line:column, the key, the got and the wanted. null leaves an
// option as it is where the table has no default. At most 1 MiB, 16 levels; no anchors, no tags,
// one document.
[[nodiscard]] Status load_config_file(OptionValues& values, const std::filesystem::path& path);
[[nodiscard]] Status load_config_text(OptionValues& values, std::string_view text,
                                      std::string_view file_name);

}  // namespace synfire
