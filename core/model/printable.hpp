#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace synfire {

// Text from a file, fit for an error message or a table: control characters and bytes past ASCII
// become \xNN, and past `limit` bytes comes "...".
std::string printable(std::string_view text, std::size_t limit = 80);

}  // namespace synfire
