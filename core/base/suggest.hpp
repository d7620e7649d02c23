#pragma once

#include <span>
#include <string>
#include <string_view>

namespace synfire {

// The candidate that `text` probably meant: fewest edits (insert, delete, replace, swap
// neighbours), at most a third of its length; the first of equals. Empty: none is near.
[[nodiscard]] std::string_view nearest(std::string_view text,
                                       std::span<const std::string_view> candidates);

// " (did you mean 'X'?)", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view text,
                                       std::span<const std::string_view> candidates);

}  // namespace synfire
