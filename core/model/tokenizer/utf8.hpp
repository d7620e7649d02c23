#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// UTF-8 after Unicode's chapter 3.9: no surrogates, no overlong forms, and one U+FFFD for each
// maximal part of a character that was cut short.
namespace synfire::utf8 {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

enum class StepKind {
  character,   // a whole character
  invalid,     // bytes that no continuation makes valid
  incomplete,  // the text ends inside a character that may still become valid
};

struct Step {
  StepKind kind;
  std::size_t bytes;  // at least 1
};

// What stands at the beginning of `text`, which is not empty.
Step step(std::string_view text);

bool is_valid(std::string_view text);

// `text` with U+FFFD in place of everything that is not a character.
std::string replace_invalid(std::string_view text);

// Bytes of a character by its first byte; 1 for bytes that cannot be first.
constexpr std::size_t length_by_lead(char lead) {
  const auto byte = static_cast<std::uint8_t>(lead);
  if (byte < 0xC0) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

}  // namespace synfire::utf8
