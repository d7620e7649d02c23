#include "core/model/tokenizer/byte_alphabet.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace synfire::byte_alphabet {
namespace {

TEST(ByteAlphabet, KnownCharacters) {
  EXPECT_EQ(to_text('A'), "A");
  EXPECT_EQ(to_text(' '), "\u0120");
  EXPECT_EQ(to_text('\n'), "\u010A");
  EXPECT_EQ(to_text(0x00), "\u0100");
  EXPECT_EQ(to_text(0x7F), "\u0121");
  EXPECT_EQ(to_text(0xA1), "\u00A1");
  EXPECT_EQ(to_text(0xAD), "\u0143");
  EXPECT_EQ(to_text(0xFF), "\u00FF");
}

TEST(ByteAlphabet, EveryByteComesBack) {
  std::set<std::string> seen;
  std::string all_bytes;
  std::string all_text;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string text = to_text(static_cast<std::uint8_t>(byte));
    EXPECT_TRUE(seen.insert(text).second) << byte;
    all_bytes.push_back(static_cast<char>(byte));
    all_text += text;
  }
  EXPECT_EQ(to_bytes(all_text), all_bytes);
}

TEST(ByteAlphabet, OtherCharactersAreNone) {
  EXPECT_EQ(to_bytes("a b"), std::nullopt);     // a space is written U+0120
  EXPECT_EQ(to_bytes("\u00AD"), std::nullopt);  // so is this one, U+0143
  EXPECT_EQ(to_bytes("\u0144"), std::nullopt);  // the first past the alphabet
  EXPECT_EQ(to_bytes("<\uFF5Cend>"), std::nullopt);
  EXPECT_EQ(to_bytes("\xC4"), std::nullopt);  // cut short
  EXPECT_EQ(to_bytes("\xC4z"), std::nullopt);
  EXPECT_EQ(to_bytes("\x80"), std::nullopt);
  EXPECT_EQ(to_bytes(""), "");
}

}  // namespace
}  // namespace synfire::byte_alphabet
