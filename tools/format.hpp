#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Numbers and texts as people read them.
namespace synfire::cli {

// "1.05 MB", "12.5 GB": powers of 1000, three digits.
[[nodiscard]] std::string human_bytes(double bytes);
// "12.0 M", "1.24 B".
[[nodiscard]] std::string human_count(double count);
// In double quotes, with control characters escaped, what is not UTF-8 as <0xNN>.
[[nodiscard]] std::string quoted(std::string_view bytes);

}  // namespace synfire::cli
