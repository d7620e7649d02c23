#include "core/runtime/sampling/stop_strings.hpp"

#include <gtest/gtest.h>

#include "core/runtime/sampling/rng.hpp"

namespace synfire {
namespace {

StopStrings made(std::vector<std::string> stops) {
  Result<StopStrings> result = StopStrings::make(stops);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return *std::move(result);
}

TEST(StopStrings, NoneLetsEverythingThrough) {
  StopStrings stops = made({});
  EXPECT_EQ(stops.push("abc"), "abc");
  EXPECT_EQ(stops.finish(), "");
  EXPECT_FALSE(stops.matched());
}

TEST(StopStrings, HoldsBackABeginningAndReleasesIt) {
  StopStrings stops = made({"END"});
  EXPECT_EQ(stops.push("the E"), "the ");
  EXPECT_EQ(stops.push("N"), "");
  EXPECT_EQ(stops.push("gine EN"), "ENgine ");
  EXPECT_EQ(stops.finish(), "EN");
}

TEST(StopStrings, CutsAtTheMatch) {
  StopStrings stops = made({"END"});
  EXPECT_EQ(stops.push("one E"), "one ");
  EXPECT_EQ(stops.push("ND two"), "");
  EXPECT_EQ(stops.matched(), 0U);
  EXPECT_EQ(stops.push("three"), "");
  EXPECT_EQ(stops.finish(), "");
}

TEST(StopStrings, ABeginningInsideABeginning) {
  StopStrings stops = made({"aab"});
  EXPECT_EQ(stops.push("aaa"), "a");
  EXPECT_EQ(stops.push("b"), "");
  EXPECT_EQ(stops.matched(), 0U);
}

TEST(StopStrings, TheFirstToEndWinsThenTheLongest) {
  StopStrings first = made({"abcd", "bc"});
  EXPECT_EQ(first.push("xabcd"), "xa");
  EXPECT_EQ(first.matched(), 1U);
  StopStrings longest = made({"c", "abc", "bc"});
  EXPECT_EQ(longest.push("xabc"), "x");
  EXPECT_EQ(longest.matched(), 1U);
}

TEST(StopStrings, WholeCharactersComeOut) {
  StopStrings stops = made({"\xC3\xA9!"});  // e acute
  EXPECT_EQ(stops.push("caf\xC3\xA9"), "caf");
  EXPECT_EQ(stops.push(" \xC3\xA8"), "\xC3\xA9 \xC3\xA8");  // e grave shares the first byte
}

TEST(StopStrings, BadOnesAreNamed) {
  const auto refusal = [](std::vector<std::string> stops) {
    return StopStrings::make(stops).status().message();
  };
  EXPECT_EQ(refusal({"a", ""}), "stop[1]: empty, want a text");
  EXPECT_EQ(refusal({std::string(4097, 'x')}), "stop[0]: 4097 bytes, want 4096 at most");
  EXPECT_EQ(refusal(std::vector<std::string>(65, "x")), "stop: 65 texts, want 64 at most");
}

// The definition: the least end of any occurrence; of those the least start.
std::string cut_by_hand(const std::string& text, const std::vector<std::string>& stops) {
  std::size_t end = std::string::npos, start = 0;
  for (const std::string& stop : stops) {
    const std::size_t at = text.find(stop);
    if (at == std::string::npos) continue;
    const bool sooner = end == std::string::npos || at + stop.size() < end;
    if (sooner || (at + stop.size() == end && at < start)) {
      end = at + stop.size();
      start = at;
    }
  }
  return end == std::string::npos ? text : text.substr(0, start);
}

std::string random_text(Rng& rng, std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += static_cast<char>('a' + rng.next() % 2);
  return text;
}

TEST(StopStrings, AgreesWithTheDefinitionHoweverTheTextIsCut) {
  Rng rng(77);
  int found = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> words;
    for (std::uint64_t i = rng.next() % 3 + 1; i > 0; --i) {
      words.push_back(random_text(rng, rng.next() % 6 + 3));
    }
    const std::string text = random_text(rng, 24);
    StopStrings stops = made(words);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = rng.next() % 5;
      out += stops.push(std::string_view(text).substr(at, length));
      at += length;
    }
    out += stops.finish();
    ASSERT_EQ(out, cut_by_hand(text, words)) << text;
    found += stops.matched() ? 1 : 0;
  }
  EXPECT_GT(found, 500);
  EXPECT_LT(found, 2500);
}

}  // namespace
}  // namespace synfire
