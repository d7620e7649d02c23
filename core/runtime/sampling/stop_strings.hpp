#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace synfire {

// Watches streamed text for stop strings. Belongs to the session; one thread at a time.
//
// Text that may be the beginning of a stop string is held back until the next characters decide.
// The first match to end wins (of those that end together the longest); nothing from its first byte
// on comes out. Whole characters in, valid stop strings: whole characters out. Time is linear in
// the text, per stop string.
class StopStrings {
 public:
  static constexpr std::size_t kMaxCount = 64;
  static constexpr std::size_t kMaxBytes = 4096;  // of one stop string

  // INVALID_ARGUMENT "stop[2]: ...": empty, too long, too many.
  [[nodiscard]] static Result<StopStrings> make(std::span<const std::string> stops);

  // Takes more text; gives what may go out now.
  [[nodiscard]] std::string push(std::string_view text);
  // The end: gives what was held back. Nothing after a match.
  [[nodiscard]] std::string finish();

  // Index of the stop string that was found.
  [[nodiscard]] std::optional<std::size_t> matched() const { return matched_; }

 private:
  // Knuth-Morris-Pratt over one stop string.
  struct Pattern {
    std::string text;
    std::vector<std::size_t> border;  // [i]: longest proper border of text[0..i]
    std::size_t length = 0;           // bytes of `text` that the stream's end matches
  };

  [[nodiscard]] bool step(char byte);
  [[nodiscard]] std::size_t held_length() const;

  std::vector<Pattern> patterns_;
  std::string held_;
  std::optional<std::size_t> matched_;
};

}  // namespace synfire
