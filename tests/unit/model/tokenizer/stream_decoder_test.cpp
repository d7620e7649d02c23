#include "core/model/tokenizer/stream_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/model/tokenizer/utf8.hpp"
#include "tests/unit/model/tokenizer/small_vocabs.hpp"

namespace synfire {
namespace {

using Start = StreamDecoder::Start;
using testing::ElementsAre;

std::vector<std::string> push_bytes(StreamDecoder& decoder, std::string_view bytes) {
  std::vector<std::string> out;
  // small_bpe: the id of a byte's token is the byte.
  for (const char byte : bytes) out.push_back(decoder.push(static_cast<std::uint8_t>(byte)));
  out.push_back(decoder.finish());
  return out;
}

TEST(StreamDecoder, HoldsCharactersBackUntilTheyAreWhole) {
  const auto tokenizer = test::make_tokenizer(test::small_bpe({}));
  StreamDecoder decoder(*tokenizer, Start::text);
  EXPECT_THAT(push_bytes(decoder,
                         "a\xE2\x82\xAC"
                         "b"),
              ElementsAre("a", "", "", "\u20AC", "b", ""));
  EXPECT_THAT(push_bytes(decoder, "\xF0\x9F\x98\x80"), ElementsAre("", "", "", "\U0001F600", ""));
}

TEST(StreamDecoder, ReplacesWhatCannotBecomeValid) {
  const auto tokenizer = test::make_tokenizer(test::small_bpe({}));
  StreamDecoder decoder(*tokenizer, Start::text);
  EXPECT_THAT(push_bytes(decoder,
                         "\xE2\x82"
                         "b"),
              ElementsAre("", "", "\uFFFDb", ""));
  EXPECT_THAT(push_bytes(decoder, "\xFF\xC3\xC3\xA9"),
              ElementsAre("\uFFFD", "", "\uFFFD", "\u00E9", ""));
  EXPECT_THAT(push_bytes(decoder, "\xED\xA0"), ElementsAre("", "\uFFFD\uFFFD", ""));
  EXPECT_THAT(push_bytes(decoder, "x\xF0\x9F\x98"), ElementsAre("x", "", "", "", "\uFFFD"));
}

TEST(StreamDecoder, LeavesTheSpaceAtTheBeginningOfATextOut) {
  const Vocab vocab = test::small_spm({"_a", "a", "_"});
  const auto tokenizer = test::make_tokenizer(vocab);
  const std::int32_t space_a = 259;
  const std::int32_t bos = 1;
  StreamDecoder text(*tokenizer, Start::text);
  EXPECT_EQ(text.push(bos), "");
  EXPECT_EQ(text.push(space_a), "a");
  EXPECT_EQ(text.push(space_a), " a");
  StreamDecoder more(*tokenizer, Start::continuation);
  EXPECT_EQ(more.push(space_a), " a");
}

TEST(StreamDecoder, TakesOneSpaceOnly) {
  const auto tokenizer = test::make_tokenizer(test::small_spm({"_", "a", "__"}));
  const std::int32_t two_spaces = 261;
  StreamDecoder decoder(*tokenizer, Start::text);
  EXPECT_EQ(decoder.push(two_spaces), " ");
  EXPECT_EQ(decoder.push(two_spaces), "  ");
}

TEST(StreamDecoder, ControlTokensAreInvisibleUnlessAsked) {
  const Vocab vocab = test::small_bpe({});
  const auto tokenizer = test::make_tokenizer(vocab);
  StreamDecoder hidden(*tokenizer, Start::text);
  EXPECT_EQ(hidden.push(*vocab.eos), "");
  StreamDecoder shown(*tokenizer, Start::text, true);
  EXPECT_EQ(shown.push(*vocab.eos), "<|im_end|>");
}

TEST(StreamDecoder, IdsOutsideTheVocabularyGiveNothing) {
  const auto tokenizer = test::make_tokenizer(test::small_bpe({}));
  StreamDecoder decoder(*tokenizer, Start::text);
  EXPECT_EQ(decoder.push(1000000), "");
  EXPECT_EQ(decoder.push(-1), "");
  EXPECT_EQ(decoder.push('a'), "a");
}

// All two-byte sequences, then every cut of a longer text: what comes out is valid at every moment,
// and together it is what replacing everything at once gives.
TEST(StreamDecoder, EveryPrefixIsValidAndTheSumIsTheWhole) {
  const auto tokenizer = test::make_tokenizer(test::small_bpe({}));
  std::vector<std::string> inputs;
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; second += 3)
      inputs.push_back({static_cast<char>(first), static_cast<char>(second), '\x80', 'z'});
  for (const std::string& input : inputs) {
    StreamDecoder decoder(*tokenizer, Start::text);
    std::string all;
    for (const std::string& part : push_bytes(decoder, input)) {
      ASSERT_TRUE(utf8::is_valid(part)) << testing::PrintToString(input);
      all += part;
    }
    ASSERT_EQ(all, utf8::replace_invalid(input)) << testing::PrintToString(input);
  }
}

}  // namespace
}  // namespace synfire
