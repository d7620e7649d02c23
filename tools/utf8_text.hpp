#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace synfire::cli {

// Bytes of `text` that are whole characters of UTF-8. INVALID_ARGUMENT names the byte that never
// becomes one; `at` is where the text begins in the file `name`.
[[nodiscard]] Result<std::size_t> whole_characters(std::string_view text, const std::string& name,
                                                   std::uint64_t at);
// What says that a text ends within a character, which begins at byte `at`.
[[nodiscard]] Status ends_within_character(const std::string& name, std::uint64_t at);

}  // namespace synfire::cli
