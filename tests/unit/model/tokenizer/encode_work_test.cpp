// Encoding grows in step with the text: counted operations, never the clock.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/support/paths.hpp"
#include "tests/unit/model/tokenizer/small_vocabs.hpp"

namespace synfire {
namespace {

constexpr std::size_t kKilo = 1000;
constexpr std::size_t kMega = 1000 * kKilo;

std::unique_ptr<Tokenizer> spm() {
  return test::open_tokenizer(test::data_file("stories260K/stories260K-f32.gguf"));
}

// Merges that reach from letters to runs of 32, so that long runs merge many times over.
std::unique_ptr<Tokenizer> bpe() {
  return test::make_tokenizer(test::small_bpe(
      {"h e", "t he", "\u0120 the", "i n", "a n", "an d", "\u0120 and", "e r", "r e", "o n", "a a",
       "aa aa", "aaaa aaaa", "aaaaaaaa aaaaaaaa", "aaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaa"}));
}

// Words of 1 to 9 letters, as frequent as in English; with or without spaces between.
std::string words(std::size_t bytes, bool spaces) {
  const std::string letters = "eeeeeeaaaaaiiioootttttnnnnsssrrrhhhdddllluuccmmwwffggyyppbbvk";
  std::mt19937 random(7);
  std::string text;
  text.reserve(bytes + 16);
  while (text.size() < bytes) {
    for (std::size_t n = 1 + random() % 9; n > 0; --n) text += letters[random() % letters.size()];
    if (spaces) text += random() % 12 == 0 ? ".\n" : " ";
  }
  text.resize(bytes);
  return text;
}

struct WorkPerByte {
  double lookups, comparisons;
};

WorkPerByte measure(const Tokenizer& tokenizer, const std::string& text) {
  EncodeWork work;
  EncodeOptions options;
  options.work = &work;
  const auto ids = tokenizer.encode(text, options);
  EXPECT_TRUE(ids.ok()) << ids.status().to_string();
  EXPECT_GT(ids->size(), text.size() / 64);
  const auto bytes = static_cast<double>(text.size());
  return {static_cast<double>(work.lookups) / bytes, static_cast<double>(work.comparisons) / bytes};
}

// Ten times the text, ten times the work.
void expect_linear(const Tokenizer& tokenizer) {
  const WorkPerByte small = measure(tokenizer, words(kMega, true));
  const WorkPerByte large = measure(tokenizer, words(10 * kMega, true));
  EXPECT_GT(small.lookups, 0.3);
  EXPECT_LT(large.lookups, 1.02 * small.lookups);
  EXPECT_LT(large.comparisons, 1.02 * small.comparisons);
}

// Without a space the heap may get log n deep, and look-ups stay at most three a byte.
void expect_bounded_without_spaces(const Tokenizer& tokenizer, const std::string& all) {
  const WorkPerByte small = measure(tokenizer, all.substr(0, 100 * kKilo));
  const WorkPerByte large = measure(tokenizer, all);
  EXPECT_GT(small.lookups, 0.3);
  EXPECT_LE(large.lookups, 3.0);
  EXPECT_LT(large.lookups, 1.02 * small.lookups);
  EXPECT_LT(large.comparisons, 1.5 * small.comparisons + 1);
  EXPECT_LT(large.comparisons, 60.0);  // 3 pushes and 3 pops of about log2(1 M) = 20, at most
}

TEST(EncodeWork, SentencePieceIsLinearInTheText) { expect_linear(*spm()); }

TEST(EncodeWork, ByteLevelIsLinearInTheText) { expect_linear(*bpe()); }

TEST(EncodeWork, SentencePieceWithoutASpace) {
  expect_bounded_without_spaces(*spm(), words(kMega, false));
  const auto runs = test::make_tokenizer(
      test::small_spm({"_", "a", "aa", "aaaa", "aaaaaaaa", "aaaaaaaaaaaaaaaa"}));
  expect_bounded_without_spaces(*runs, std::string(kMega, 'a'));
}

TEST(EncodeWork, ByteLevelWithoutASpace) {
  expect_bounded_without_spaces(*bpe(), words(kMega, false));
  expect_bounded_without_spaces(*bpe(), std::string(kMega, 'a'));
}

}  // namespace
}  // namespace synfire
