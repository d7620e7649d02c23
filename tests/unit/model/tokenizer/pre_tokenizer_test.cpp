#include "core/model/tokenizer/pre_tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/model/tokenizer/pre_tokenizer_table.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> split(std::string_view name, std::string_view text) {
  const auto pre_tokenizer = PreTokenizer::create(name);
  EXPECT_TRUE(pre_tokenizer.ok()) << pre_tokenizer.status().to_string();
  if (!pre_tokenizer.ok()) return {};
  const auto ranges = pre_tokenizer->split(text);
  EXPECT_TRUE(ranges.ok()) << ranges.status().to_string();
  if (!ranges.ok()) return {};
  std::vector<std::string> pieces;
  for (const TextRange range : *ranges)
    pieces.emplace_back(text.substr(range.begin, range.end - range.begin));
  return pieces;
}

TEST(PreTokenizer, Gpt2KeepsSpacesWithWords) {
  for (const char* name : {"gpt-2", "mpt"}) {
    EXPECT_THAT(split(name, "I'll go,  12345 na\u00EFve"),
                ElementsAre("I", "'ll", " go", ",", " ", " 12345", " na\u00EFve"));
    EXPECT_THAT(split(name, "a\n\n b \n"), ElementsAre("a", "\n\n", " b", " \n"));
    EXPECT_THAT(split(name, "I'LL"), ElementsAre("I", "'", "LL"));
  }
}

TEST(PreTokenizer, StarcoderSplitsDigits) {
  for (const char* name : {"starcoder", "refact", "smollm"})
    EXPECT_THAT(split(name, "in 2024 it's"),
                ElementsAre("in", " ", "2", "0", "2", "4", " it", "'s"));
}

TEST(PreTokenizer, DefaultSplitsPunctuationAndNumbers) {
  EXPECT_THAT(split("default", "x=12345 y!? z"),
              ElementsAre("x", "=", "123", "45", " y", "!?", " z"));
  EXPECT_THAT(split("default", "ab 12345"), ElementsAre("ab", " ", "123", "45"));
}

TEST(PreTokenizer, FalconSplitsRunsOfThreeDigits) {
  EXPECT_THAT(split("falcon", "f(`x`) 12345"), ElementsAre("f", "(`", "x", "`)", " ", "123", "45"));
  EXPECT_THAT(split("falcon", "1234567"), ElementsAre("123", "456", "7"));
}

TEST(PreTokenizer, LlamaBpeTakesThreeDigitsAndNewlinesWithWhitespace) {
  for (const char* name : {"llama-bpe", "llama3", "llama-v3"}) {
    EXPECT_THAT(split(name, "I'LL say (hello) 12345"),
                ElementsAre("I", "'LL", " say", " (", "hello", ")", " ", "123", "45"));
    EXPECT_THAT(split(name, "a  \n\n  b!\n"), ElementsAre("a", "  \n\n", " ", " b", "!\n"));
  }
}

TEST(PreTokenizer, Qwen2TakesOneDigit) {
  EXPECT_THAT(split("qwen2", "I'm 123"), ElementsAre("I", "'m", " ", "1", "2", "3"));
  EXPECT_THAT(split("qwen2", "(a)\tb"), ElementsAre("(a", ")", "\tb"));
}

TEST(PreTokenizer, DeepseekCoder) {
  EXPECT_THAT(split("deepseek-coder", "if x: 42\n\ty"),
              ElementsAre("if", " x", ":", " ", "4", "2", "\n", "\ty"));
  EXPECT_THAT(split("deepseek-coder", "\u4F60\u597Dabc"), ElementsAre("\u4F60\u597D", "abc"));
}

TEST(PreTokenizer, DeepseekLlm) {
  EXPECT_THAT(split("deepseek-llm", "Hi there, 4231\n\u4F60\u597Dabc  "),
              ElementsAre("Hi", " there", ",", " ", "4231", "\n", "\u4F60\u597D", "abc", "  "));
  // Trailing whitespace is a piece; whitespace elsewhere stays with what no pattern takes.
  EXPECT_THAT(split("deepseek-llm", "\u05D0  \u05D0  "), ElementsAre("\u05D0  \u05D0", "  "));
}

TEST(PreTokenizer, EmptyTextHasNoPieces) { EXPECT_THAT(split("gpt-2", ""), ElementsAre()); }

TEST(PreTokenizer, UnknownNameListsTheKnownOnes) {
  const auto result = PreTokenizer::create("gpt-5");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::unimplemented);
  EXPECT_THAT(result.status().message(), HasSubstr("'gpt-5'"));
  EXPECT_THAT(result.status().message(), HasSubstr("qwen2, smollm"));
}

std::string repeat(std::string_view part, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += part;
  return text;
}

// Inputs on which a careless pattern takes quadratic time (hours here) or overflows a stack. No
// look at the clock: a pattern that is not linear does not come back before the test is stopped.
TEST(PreTokenizer, LongRunsOfOneKindComeBackWhole) {
  constexpr std::size_t kBytes = 1 << 20;
  const std::string tail = "x";
  for (const PreTokenizerInfo& info : pre_tokenizers()) {
    const auto pre_tokenizer = PreTokenizer::create(info.name);
    ASSERT_TRUE(pre_tokenizer.ok());
    for (const char* part : {" ", "\n", " \n", "\t ", "7", "a", "\u00E9", "!", " !", "'", "\u4F60",
                             "\u3000", "\u0E01", "\xF0\x9F\x98\x80", "a1", "\r"}) {
      const std::string text = repeat(part, kBytes) + tail;
      const auto ranges = pre_tokenizer->split(text);
      ASSERT_TRUE(ranges.ok()) << info.name << ": " << ranges.status().to_string();
      std::uint32_t at = 0;
      for (const TextRange range : *ranges) {
        ASSERT_EQ(range.begin, at);
        ASSERT_GT(range.end, range.begin);
        at = range.end;
      }
      EXPECT_EQ(at, text.size());
    }
  }
}

}  // namespace
}  // namespace synfire
