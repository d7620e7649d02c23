#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/sparsity/activity_stats.hpp"

// How the files of profiles name and shape things: what their reader and writer share.
namespace synfire::profile_format {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::string_view kArchitecture = "synfire-profile";

inline std::string key_of(std::string_view name) { return fmt::format("synfire.profile.{}", name); }

inline std::string tensor_of(std::uint32_t layer, std::string_view name) {
  return fmt::format("blk.{}.{}", layer, name);
}

// Numbers in the lower triangle of a matrix of n rows, and before row n of it.
constexpr std::uint64_t triangle(std::uint64_t n) { return n * (n + 1) / 2; }

// A layer's tensor "movement": runs, fired_in_run, once_in_run, then fired and again of each lag.
inline constexpr std::uint64_t kMovement = 3 + 2 * ActivityStats::kLags.size();

}  // namespace synfire::profile_format
