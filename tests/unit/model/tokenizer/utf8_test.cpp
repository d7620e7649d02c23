#include "core/model/tokenizer/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace synfire::utf8 {
namespace {

struct StepCase {
  std::string text;
  StepKind kind;
  std::size_t bytes;
};

TEST(Utf8, StepTellsCharactersFromBrokenAndUnfinishedOnes) {
  const StepCase cases[] = {
      {"a", StepKind::character, 1},
      {"\xC3\xA9x", StepKind::character, 2},
      {"\xE2\x82\xACx", StepKind::character, 3},
      {"\xF0\x9F\x98\x80x", StepKind::character, 4},
      {"\xED\x9F\xBF", StepKind::character, 3},
      {"\xF4\x8F\xBF\xBF", StepKind::character, 4},
      {"\xC3", StepKind::incomplete, 1},
      {"\xE2\x82", StepKind::incomplete, 2},
      {"\xF0\x9F\x98", StepKind::incomplete, 3},
      {"\x80", StepKind::invalid, 1},
      {"\xC0\x80", StepKind::invalid, 1},          // overlong
      {"\xC1\xBF", StepKind::invalid, 1},          // overlong
      {"\xE0\x9F\xBF", StepKind::invalid, 1},      // overlong
      {"\xF0\x8F\xBF\xBF", StepKind::invalid, 1},  // overlong
      {"\xED\xA0\x80", StepKind::invalid, 1},      // surrogate
      {"\xF4\x90\x80\x80", StepKind::invalid, 1},  // past U+10FFFF
      {"\xF5\x80\x80\x80", StepKind::invalid, 1},
      {"\xFF", StepKind::invalid, 1},
      {"\xE2\x82x", StepKind::invalid, 2},
      {"\xF0\x9F\x98x", StepKind::invalid, 3},
      {"\xF0\x9Fx", StepKind::invalid, 2},
  };
  for (const StepCase& c : cases) {
    const Step got = step(c.text);
    EXPECT_EQ(got.kind, c.kind) << testing::PrintToString(c.text);
    EXPECT_EQ(got.bytes, c.bytes) << testing::PrintToString(c.text);
  }
}

TEST(Utf8, OneReplacementPerMaximalPart) {
  // The example of the Unicode Standard, table 3-8.
  EXPECT_EQ(replace_invalid("a\xF1\x80\x80\xE1\x80\xC2"
                            "b\x80"
                            "c\x80\xBF"
                            "d"),
            "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
  EXPECT_EQ(replace_invalid("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid("x\xE2\x82"), "x\uFFFD");
  EXPECT_EQ(replace_invalid(""), "");
  EXPECT_EQ(replace_invalid("na\u00EFve \u20AC \U0001F600"), "na\u00EFve \u20AC \U0001F600");
}

TEST(Utf8, ValidMeansNothingToReplace) {
  EXPECT_TRUE(is_valid(""));
  EXPECT_TRUE(is_valid("na\u00EFve \U0001F600"));
  EXPECT_FALSE(is_valid("ab\xC3"));
  EXPECT_FALSE(is_valid("\xFFz"));
}

TEST(Utf8, LengthByLead) {
  EXPECT_EQ(length_by_lead('a'), 1U);
  EXPECT_EQ(length_by_lead('\x80'), 1U);
  EXPECT_EQ(length_by_lead('\xC3'), 2U);
  EXPECT_EQ(length_by_lead('\xE2'), 3U);
  EXPECT_EQ(length_by_lead('\xF0'), 4U);
}

}  // namespace
}  // namespace synfire::utf8
