#include "core/model/convert/hf_tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/tokenizer/tokenizer.hpp"
#include "tests/support/paths.hpp"
#include "tests/unit/model/convert/safetensors_bytes.hpp"

namespace synfire::convert {
namespace {

using test::write_file;
using testing::HasSubstr;

class HfTokenizerTest : public testing::Test {
 protected:
  void write(const char* name, std::string_view text) { write_file(folder_.path() / name, text); }
  void write_bytes_json(std::string_view more = "") {
    write("tokenizer.json",
          R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
              "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
              "added_tokens": [{"id": 3, "content": "<s>", "special": true},
                               {"id": 4, "content": "</s>", "special": true}])" +
              std::string(more) + "}");
  }
  HfTokenizer read(std::uint32_t n_vocab) {
    auto tokenizer = read_hf_tokenizer(folder_.path(), n_vocab);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
    return tokenizer.ok() ? *std::move(tokenizer) : HfTokenizer{};
  }

  test::TempDir folder_;
};

TEST_F(HfTokenizerTest, WithNoneThereIsAWarning) {
  const HfTokenizer tokenizer = read(8);
  EXPECT_FALSE(tokenizer.vocab);
  ASSERT_EQ(tokenizer.warnings.size(), 1U);
  EXPECT_THAT(tokenizer.warnings[0], HasSubstr("neither tokenizer.model nor tokenizer.json"));
  EXPECT_THAT(tokenizer.warnings[0], HasSubstr("takes token ids only"));
}

TEST_F(HfTokenizerTest, AnUnknownOneIsAWarningThatNamesIt) {
  write("tokenizer.json", R"({"model": {"type": "WordPiece"}})");
  const HfTokenizer tokenizer = read(8);
  EXPECT_FALSE(tokenizer.vocab);
  EXPECT_THAT(tokenizer.warnings.at(0), HasSubstr("model of type 'WordPiece', want BPE"));
}

TEST_F(HfTokenizerTest, ABrokenOneIsAnError) {
  write("tokenizer.json", "{");
  EXPECT_FALSE(read_hf_tokenizer(folder_.path(), 8).ok());
  write("tokenizer.model", "{}");
  EXPECT_FALSE(read_hf_tokenizer(folder_.path(), 8).ok());
}

TEST_F(HfTokenizerTest, RowsWithoutATokenAreFilled) {
  write_bytes_json();
  const HfTokenizer tokenizer = read(7);
  ASSERT_TRUE(tokenizer.vocab);
  EXPECT_EQ(tokenizer.vocab->pieces,
            (std::vector<std::string>{"a", "b", "ab", "<s>", "</s>", "[PAD5]", "[PAD6]"}));
  EXPECT_EQ(tokenizer.vocab->types[6], TokenType::unused);
  EXPECT_FALSE(tokenizer.vocab->add_bos);
}

TEST_F(HfTokenizerTest, TokensWithoutARowAreLeftOut) {
  write_bytes_json();
  HfTokenizer tokenizer = read(4);
  ASSERT_TRUE(tokenizer.vocab);
  EXPECT_EQ(tokenizer.vocab->pieces.size(), 4U);
  EXPECT_THAT(tokenizer.warnings.at(0), HasSubstr("token 4: '</s>' is left out"));
  tokenizer = read(2);  // not the model's tokenizer
  EXPECT_FALSE(tokenizer.vocab);
  EXPECT_THAT(tokenizer.warnings.back(), HasSubstr("3 tokens, want at most the model's 2"));
}

TEST_F(HfTokenizerTest, SpecialTokensAreTheConfigurations) {
  write_bytes_json();
  write("tokenizer_config.json", R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>",
    "add_bos_token": true, "chat_template": "T",
    "added_tokens_decoder": {"5": {"content": "<end>", "special": true}}})");
  write("generation_config.json", R"({"eos_token_id": [4, 5]})");
  const HfTokenizer tokenizer = read(6);
  ASSERT_TRUE(tokenizer.vocab);
  EXPECT_EQ(tokenizer.vocab->bos, 3);
  EXPECT_EQ(tokenizer.vocab->eos, 4);
  EXPECT_EQ(tokenizer.vocab->eot, 5);
  EXPECT_EQ(tokenizer.vocab->pieces[5], "<end>");
  EXPECT_EQ(tokenizer.vocab->types[5], TokenType::control);
  EXPECT_TRUE(tokenizer.vocab->add_bos);
  EXPECT_EQ(tokenizer.chat_template, "T");
}

TEST_F(HfTokenizerTest, TheModelsIdsWhereTheTokenizerIsSilent) {
  write_bytes_json();
  write("config.json", R"({"bos_token_id": 3, "eos_token_id": 99})");
  const HfTokenizer tokenizer = read(5);
  ASSERT_TRUE(tokenizer.vocab);
  EXPECT_EQ(tokenizer.vocab->bos, 3);
  EXPECT_FALSE(tokenizer.vocab->eos);  // no such token
}

TEST_F(HfTokenizerTest, SentencePieceGoesFirst) {
  write_bytes_json();
  write("tokenizer.model", test::read_file(test::data_file("stories260K/tok512.model")));
  const HfTokenizer tokenizer = read(512);
  ASSERT_TRUE(tokenizer.vocab);
  EXPECT_EQ(tokenizer.vocab->model, VocabModel::llama);
  EXPECT_TRUE(tokenizer.vocab->add_bos);
}

TEST_F(HfTokenizerTest, Gpt2sOwnFiles) {
  write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "</s>": 3})");
  write("merges.txt", "#version: 0.2\na b\n");
  write("tokenizer_config.json",
        R"({"bos_token": "</s>", "eos_token": "</s>", "add_bos_token": true})");
  const HfTokenizer tokenizer = read(4);
  ASSERT_TRUE(tokenizer.vocab);
  const auto encoder = Tokenizer::create(*tokenizer.vocab);
  ASSERT_TRUE(encoder.ok());
  EXPECT_EQ(*(*encoder)->encode("abb"), (std::vector<std::int32_t>{3, 2, 1}));
}

}  // namespace
}  // namespace synfire::convert
