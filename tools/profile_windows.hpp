#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "tools/profile_text.hpp"

namespace synfire::cli {

// A piece's parts as windows of tokens, each from BOS where the vocabulary wants one. Parts follow
// each other in a window, with BOS between them.
[[nodiscard]] Result<std::vector<std::vector<std::int32_t>>> profile_windows(
    const Engine& engine, const ProfileText::Piece& piece, std::uint32_t window_tokens);

// The tokens of a window: 256, or fewer where the context or the texts are short, so that there are
// at least eight windows. An error where there are fewer than eight tokens.
[[nodiscard]] Result<std::uint32_t> choose_window_tokens(const Engine& engine,
                                                         const ProfileText& texts);

}  // namespace synfire::cli
