#include "core/model/tokenizer/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/unit/model/tokenizer/small_vocabs.hpp"

namespace synfire {
namespace {

using test::make_tokenizer;
using test::pieces_of;
using testing::ElementsAre;
using testing::HasSubstr;

EncodeOptions without_bos() {
  EncodeOptions options;
  options.add_bos = false;
  return options;
}

void expect_refused(const Vocab& vocab, StatusCode code, std::string_view text) {
  const auto tokenizer = Tokenizer::create(vocab);
  ASSERT_FALSE(tokenizer.ok()) << text;
  EXPECT_EQ(tokenizer.status().code(), code);
  EXPECT_THAT(tokenizer.status().message(), HasSubstr(text));
}

// --- byte-level BPE

TEST(BpeTokenizer, MergesInTheOrderOfTheList) {
  const auto tokenizer = make_tokenizer(test::small_bpe({"b c", "a b", "bc d"}));
  EXPECT_EQ(pieces_of(*tokenizer, "abcd"), "a|bcd");
  EXPECT_EQ(pieces_of(*tokenizer, "abab"), "ab|ab");
  EXPECT_EQ(pieces_of(*tokenizer, "aabb"), "a|ab|b");
}

TEST(BpeTokenizer, EqualPairsMergeFromTheLeft) {
  const auto tokenizer = make_tokenizer(test::small_bpe({"a a", "aa aa"}));
  EXPECT_EQ(pieces_of(*tokenizer, "aaa"), "aa|a");
  EXPECT_EQ(pieces_of(*tokenizer, "aaaaaaa"), "aaaa|aa|a");
}

TEST(BpeTokenizer, NothingMergesAcrossPieces) {
  const auto tokenizer = make_tokenizer(test::small_bpe({"a \u0120", "\u0120 b", "a b"}));
  EXPECT_EQ(pieces_of(*tokenizer, "a b"), "a| b");
  EXPECT_EQ(pieces_of(*tokenizer, "ab b"), "ab| b");
}

TEST(BpeTokenizer, AnyTextComesBackAsBytes) {
  const auto tokenizer = make_tokenizer(test::small_bpe({}));
  const std::string text = "\u00E9 \u4F60\n\t\U0001F600";
  const auto ids = tokenizer->encode(text);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->size(), text.size());
  const auto decoded = tokenizer->decode(*ids);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, text);
}

TEST(BpeTokenizer, LlamaBpeTakesWholeTokensBeforeMerges) {
  Vocab vocab = test::small_bpe({"b c"}, "llama-bpe");
  const std::int32_t whole = test::add_token(vocab, "abc", TokenType::normal);
  EXPECT_THAT(*make_tokenizer(vocab)->encode("abc", without_bos()), ElementsAre(whole));
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "abcd"), "a|bc|d");
  vocab.pre = "gpt-2";
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "abc"), "a|bc");
}

TEST(BpeTokenizer, ByteWithoutTokenIsUnknownOrAnError) {
  Vocab vocab = test::small_bpe({});
  vocab.types['Z'] = TokenType::control;
  const auto refused = make_tokenizer(vocab)->encode("aZ");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::invalid_argument);
  EXPECT_THAT(refused.status().message(), HasSubstr("0x5A"));
  vocab.unk = test::id_of(vocab, "<|unk|>");
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "aZ"), "a|<|unk|>");
}

TEST(BpeTokenizer, BadMergesAreNamed) {
  const auto with_merge = [](const char* merge) {
    Vocab vocab = test::small_bpe({"a b"});
    vocab.merges.emplace_back(merge);
    return vocab;
  };
  constexpr StatusCode kBad = StatusCode::invalid_argument;
  expect_refused(with_merge("ab"), kBad, "merge 1: 'ab': want two tokens with a space between");
  expect_refused(with_merge("a "), kBad, "merge 1: 'a ': want two tokens with a space between");
  expect_refused(with_merge(""), kBad, "merge 1: '': want two tokens with a space between");
  expect_refused(with_merge("xy b"), kBad, "merge 1: 'xy b': 'xy' is no token");
  expect_refused(with_merge("a xy"), kBad, "merge 1: 'a xy': 'xy' is no token");
  expect_refused(with_merge("b a"), kBad, "merge 1: 'b a': 'ba' is no token");
  expect_refused(with_merge("a b"), kBad, "merge 1: 'a b' stands before already");
}

TEST(BpeTokenizer, UnknownPreTokenizerIsRefused) {
  expect_refused(test::small_bpe({}, "gpt-5"), StatusCode::unimplemented, "'gpt-5'");
}

// --- SentencePiece

TEST(SpmTokenizer, BestScoreMergesFirst) {
  const auto tokenizer =
      make_tokenizer(test::small_spm({"bc", "_ab", "cd", "ab", "_a", "_", "a", "b", "c", "d"}));
  EXPECT_EQ(pieces_of(*tokenizer, "abc"), " a|bc");
  EXPECT_EQ(pieces_of(*tokenizer, "abcd"), " a|bc|d");
  EXPECT_EQ(pieces_of(*tokenizer, "abd"), " ab|d");
  EXPECT_EQ(pieces_of(*tokenizer, "acd ab"), " a|cd| ab");
}

TEST(SpmTokenizer, EqualScoresMergeFromTheLeft) {
  Vocab vocab = test::small_spm({"_", "a", "aa"});
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "aaa"), " |aa|a");
  Vocab tied = test::small_spm({"_", "a", "b", "c", "ab", "bc"});
  tied.scores[static_cast<std::size_t>(test::id_of(tied, "bc"))] =
      tied.scores[static_cast<std::size_t>(test::id_of(tied, "ab"))];
  EXPECT_EQ(pieces_of(*make_tokenizer(tied), "abc"), " |ab|c");
}

TEST(SpmTokenizer, UnknownCharactersBecomeBytes) {
  const Vocab vocab = test::small_spm({"_", "a"});
  const auto tokenizer = make_tokenizer(vocab);
  EXPECT_THAT(*tokenizer->encode("a\u00E9", without_bos()),
              ElementsAre(test::id_of(vocab, kSentencePieceSpace), test::id_of(vocab, "a"),
                          test::id_of(vocab, "<0xC3>"), test::id_of(vocab, "<0xA9>")));
}

Vocab without_bytes(Vocab vocab) {
  for (TokenType& type : vocab.types)
    if (type == TokenType::byte) type = TokenType::control;
  return vocab;
}

TEST(SpmTokenizer, WithoutBytesARunOfUnknownCharactersIsOneUnk) {
  Vocab vocab = without_bytes(test::small_spm({"_", "a"}));
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "xyaz"), " |<unk>|a|<unk>");
  vocab.unk.reset();
  const auto refused = make_tokenizer(vocab)->encode("ax");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("'x'"));
}

TEST(SpmTokenizer, TextNeverBecomesAControlTokenOrAByteByItself) {
  const auto tokenizer =
      make_tokenizer(test::small_spm({"_", "<", "s", ">", "/", "0", "x", "A", "</", "s>", "</s"}));
  EXPECT_EQ(pieces_of(*tokenizer, "</s>"), " |</|s>");
  EXPECT_EQ(pieces_of(*tokenizer, "<0x0A>"), " |<|0|x|0|A|>");
}

TEST(SpmTokenizer, UnusedTokensAreTakenApartAgain) {
  Vocab vocab = test::small_spm({"_", "a", "b", "c", "ab", "abc"});
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "abc"), " |abc");
  vocab.types[static_cast<std::size_t>(test::id_of(vocab, "abc"))] = TokenType::unused;
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "abc"), " |ab|c");
  vocab.types[static_cast<std::size_t>(test::id_of(vocab, "ab"))] = TokenType::unused;
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "abc"), " |a|b|c");
}

TEST(SpmTokenizer, SpacePrefixOnlyWhereTheVocabularyWantsIt) {
  Vocab vocab = test::small_spm({"_", "a", "_a"});
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "a a"), " a| a");
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), " a"), " | a");
  vocab.add_space_prefix = false;
  EXPECT_EQ(pieces_of(*make_tokenizer(vocab), "a a"), "a| a");
}

TEST(SpmTokenizer, EmptyTextHasNoTokensButBos) {
  const auto tokenizer = make_tokenizer(test::small_spm({"_"}));
  EXPECT_THAT(*tokenizer->encode(""), ElementsAre(1));
  EXPECT_THAT(*tokenizer->encode("", without_bos()), ElementsAre());
}

// --- both

TEST(Tokenizer, BosAndEosAsTheVocabularySaysOrAsAsked) {
  Vocab vocab = test::small_spm({"_a"});
  vocab.add_eos = true;
  const auto tokenizer = make_tokenizer(vocab);
  const std::int32_t a = test::id_of(vocab,
                                     "\u2581"
                                     "a");
  EXPECT_THAT(*tokenizer->encode("a"), ElementsAre(1, a, 2));
  EncodeOptions options;
  options.add_bos = false;
  options.add_eos = false;
  EXPECT_THAT(*tokenizer->encode("a", options), ElementsAre(a));
}

TEST(Tokenizer, AskingForATokenThatIsMissingIsAnError) {
  Vocab vocab = test::small_bpe({});
  vocab.bos.reset();
  vocab.eos.reset();
  const auto tokenizer = make_tokenizer(vocab);
  EncodeOptions options;
  options.add_bos = true;
  EXPECT_EQ(tokenizer->encode("a", options).status().code(), StatusCode::invalid_argument);
  options.add_bos = false;
  options.add_eos = true;
  EXPECT_EQ(tokenizer->encode("a", options).status().code(), StatusCode::invalid_argument);
}

TEST(Tokenizer, ControlTokensOnlyWhereAsked) {
  const Vocab vocab = test::small_bpe({"a b"});
  const auto tokenizer = make_tokenizer(vocab);
  EXPECT_EQ(pieces_of(*tokenizer, "ab<|im_end|>ab", true), "ab|<|im_end|>|ab");
  EXPECT_EQ(pieces_of(*tokenizer, "<|begin|>", true), "<|begin|>");
  EXPECT_EQ(pieces_of(*tokenizer, "ab<|im_end|>"), "ab|<|||i|m|_|e|n|d|||>");
  EXPECT_EQ(pieces_of(*tokenizer, "<|im_end|", true), "<|||i|m|_|e|n|d||");
}

TEST(Tokenizer, UserDefinedTokensAlways) {
  const auto tokenizer = make_tokenizer(test::small_bpe({"a b"}));
  EXPECT_EQ(pieces_of(*tokenizer, "ab<mark><mark>b"), "ab|<mark>|<mark>|b");
  EXPECT_EQ(pieces_of(*tokenizer, "<<mark>"), "<|<mark>");
}

TEST(Tokenizer, TheLongestSpecialTokenOfTheLeftmostWins) {
  Vocab vocab = test::small_bpe({});
  test::add_token(vocab, "xx", TokenType::user_defined);
  test::add_token(vocab, "xxxx", TokenType::user_defined);
  test::add_token(vocab, "xxxxxx", TokenType::control);
  const auto tokenizer = make_tokenizer(vocab);
  EXPECT_EQ(pieces_of(*tokenizer, "axxxxxxx"), "a|xxxx|xx|x");
  EXPECT_EQ(pieces_of(*tokenizer, "axxxxxxx", true), "a|xxxxxx|x");
}

TEST(Tokenizer, SpacePrefixComesBackAfterControlTokensOnly) {
  Vocab vocab = test::small_spm({"_", "a", "_a"});
  test::add_token(vocab, "<mark>", TokenType::user_defined);
  const auto tokenizer = make_tokenizer(vocab);
  EXPECT_EQ(pieces_of(*tokenizer, "a</s>a<mark>a", true), " a|</s>| a|<mark>|a");
  EXPECT_EQ(pieces_of(*tokenizer, "<mark>a", true), " |<mark>|a");
  for (const char* text : {"a</s>a<mark>a", "<mark>a", "</s><mark> a", " a</s> a"}) {
    EncodeOptions options = without_bos();
    options.parse_special = true;
    const auto decoded = tokenizer->decode(*tokenizer->encode(text, options), true);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, text);
  }
}

TEST(Tokenizer, InvalidUtf8CountsAsReplacementCharacters) {
  for (const Vocab& vocab : {test::small_spm({"_", "a"}), test::small_bpe({})}) {
    const auto tokenizer = make_tokenizer(vocab);
    const auto ids = tokenizer->encode(
        "a\xFF"
        "a\xE2\x82");
    ASSERT_TRUE(ids.ok()) << ids.status().to_string();
    EXPECT_EQ(*ids, *tokenizer->encode("a\uFFFD"
                                       "a\uFFFD"));
  }
}

TEST(Tokenizer, EndOfGenerationByIdAndByName) {
  Vocab vocab = test::small_bpe({});
  vocab.eot = test::id_of(vocab, "<mark>");
  const std::int32_t text_token = test::add_token(vocab, "</s>", TokenType::normal);
  const std::int32_t endoftext = test::add_token(vocab, "<|endoftext|>", TokenType::control);
  const auto tokenizer = make_tokenizer(vocab);
  EXPECT_TRUE(tokenizer->is_end_of_generation(*vocab.eos));
  EXPECT_TRUE(tokenizer->is_end_of_generation(*vocab.eot));
  EXPECT_TRUE(tokenizer->is_end_of_generation(endoftext));
  EXPECT_FALSE(tokenizer->is_end_of_generation(text_token));
  EXPECT_FALSE(tokenizer->is_end_of_generation(*vocab.bos));
  EXPECT_FALSE(tokenizer->is_end_of_generation(-1));
}

TEST(Tokenizer, DecodeRefusesIdsOutsideTheVocabulary) {
  const auto tokenizer = make_tokenizer(test::small_bpe({}));
  for (const std::int32_t id : {-1, 260, 1 << 30}) {
    const std::vector<std::int32_t> ids{97, id};
    const auto text = tokenizer->decode(ids);
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.status().code(), StatusCode::out_of_range);
    EXPECT_THAT(text.status().message(), HasSubstr("want 0 to 259"));
    EXPECT_EQ(tokenizer->piece(id), "");
  }
}

TEST(Tokenizer, DecodeLeavesControlTokensOutUnlessAsked) {
  const Vocab vocab = test::small_bpe({});
  const auto tokenizer = make_tokenizer(vocab);
  const std::vector<std::int32_t> ids{*vocab.bos, test::id_of(vocab, "h"), test::id_of(vocab, "i"),
                                      test::id_of(vocab, "<mark>"), *vocab.eos};
  EXPECT_EQ(*tokenizer->decode(ids), "hi<mark>");
  EXPECT_EQ(*tokenizer->decode(ids, true), "<|begin|>hi<mark><|im_end|>");
}

TEST(Tokenizer, ManyThreadsEncodeAtOnce) {
  const auto tokenizer = make_tokenizer(test::small_bpe({"a b", "ab c"}, "llama-bpe"));
  const std::string text = "abcab, abc 12345 ab\n";
  const auto expected = *tokenizer->encode(text);
  std::vector<std::thread> threads;
  std::vector<int> failures(4, 0);
  for (int& failed : failures)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) failed += *tokenizer->encode(text) != expected;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(failures, testing::Each(0));
}

}  // namespace
}  // namespace synfire
