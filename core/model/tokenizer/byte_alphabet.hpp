#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// GPT-2's way to write bytes as printable characters: printable Latin-1 stands for itself, the
// other 68 bytes are U+0100, U+0101 and so on in their order, so a space is U+0120.
// https://github.com/openai/gpt-2, bytes_to_unicode.
namespace synfire::byte_alphabet {

// The character of a byte, as UTF-8.
std::string to_text(std::uint8_t byte);

// The bytes that `text` writes; nothing where it has a character outside the alphabet.
std::optional<std::string> to_bytes(std::string_view text);

}  // namespace synfire::byte_alphabet
