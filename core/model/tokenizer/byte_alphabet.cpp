#include "core/model/tokenizer/byte_alphabet.hpp"

#include <array>

namespace synfire::byte_alphabet {
namespace {

constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

constexpr unsigned kFirstMoved = 0x100;
constexpr unsigned kMovedCount = 68;

struct Tables {
  std::array<std::uint16_t, 256> code_point{};
  std::array<std::uint8_t, kMovedCount> moved{};  // byte by code point - 0x100
};

constexpr Tables make_tables() {
  Tables tables;
  unsigned moved = 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    tables.code_point[byte] = static_cast<std::uint16_t>(byte);
    if (is_printable(byte)) continue;
    tables.moved[moved] = static_cast<std::uint8_t>(byte);
    tables.code_point[byte] = static_cast<std::uint16_t>(kFirstMoved + moved++);
  }
  return tables;
}
constexpr Tables kTables = make_tables();

// Of a character of one or two bytes at the front of `text`; 0 for anything else, which is no
// member of the alphabet either.
unsigned code_point(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  if (lead < 0x80) return lead;
  if (lead < 0xC2 || lead >= 0xE0 || text.size() < 2) return 0;
  const auto second = static_cast<std::uint8_t>(text[1]);
  return (second & 0xC0) == 0x80 ? (lead & 0x1FU) << 6 | (second & 0x3FU) : 0;
}

std::optional<std::uint8_t> byte_of(unsigned code) {
  if (code < kFirstMoved && is_printable(code)) return static_cast<std::uint8_t>(code);
  if (code >= kFirstMoved && code < kFirstMoved + kMovedCount)
    return kTables.moved[code - kFirstMoved];
  return {};
}

}  // namespace

std::string to_text(std::uint8_t byte) {
  const unsigned code = kTables.code_point[byte];
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

std::optional<std::string> to_bytes(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const unsigned code = code_point(text);
    const std::optional<std::uint8_t> byte = byte_of(code);
    if (!byte) return {};
    bytes.push_back(static_cast<char>(*byte));
    text.remove_prefix(code < 0x80 ? 1 : 2);
  }
  return bytes;
}

}  // namespace synfire::byte_alphabet
