#include "core/model/tokenizer/read_vocab.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/model/gguf_header.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;

Result<Vocab> read(const GgufHeader& header) {
  const auto bytes = header.encode();
  EXPECT_TRUE(bytes.ok()) << bytes.status().to_string();
  const auto file = GgufFile::parse(*bytes, "small.gguf");
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  return read_vocab(*file);
}

void expect_bad(const GgufHeader& header, StatusCode code, std::string_view text) {
  const auto vocab = read(header);
  ASSERT_FALSE(vocab.ok()) << text;
  EXPECT_EQ(vocab.status().code(), code) << vocab.status().to_string();
  EXPECT_THAT(vocab.status().message(), HasSubstr("small.gguf"));
  EXPECT_THAT(vocab.status().message(), HasSubstr(text));
}

GgufHeader spm_header() {
  GgufHeader header;
  header.set("general.architecture", "llama");
  header.set("tokenizer.ggml.model", "llama");
  header.set("tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "<s>", "</s>", "a"});
  header.set("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, -1});
  header.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{2, 3, 3, 1});
  return header;
}

GgufHeader bpe_header() {
  GgufHeader header;
  header.set("general.architecture", "llama");
  header.set("tokenizer.ggml.model", "gpt2");
  header.set("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "ab", "<|x|>"});
  header.set("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
  return header;
}

TEST(ReadVocab, SentencePieceDefaults) {
  const auto vocab = read(spm_header());
  ASSERT_TRUE(vocab.ok()) << vocab.status().to_string();
  EXPECT_EQ(vocab->model, VocabModel::llama);
  EXPECT_EQ(vocab->pieces[3], "a");
  EXPECT_EQ(vocab->scores[3], -1);
  EXPECT_EQ(vocab->types[1], TokenType::control);
  EXPECT_EQ(vocab->unk, 0);
  EXPECT_EQ(vocab->bos, 1);
  EXPECT_EQ(vocab->eos, 2);
  EXPECT_TRUE(vocab->add_bos);
  EXPECT_FALSE(vocab->add_eos);
  EXPECT_TRUE(vocab->add_space_prefix);
}

TEST(ReadVocab, ByteLevelDefaults) {
  const auto vocab = read(bpe_header());
  ASSERT_TRUE(vocab.ok()) << vocab.status().to_string();
  EXPECT_EQ(vocab->model, VocabModel::gpt2);
  EXPECT_EQ(vocab->pre, "default");
  EXPECT_EQ(vocab->merges, std::vector<std::string>{"a b"});
  EXPECT_EQ(vocab->types, std::vector<TokenType>(4, TokenType::normal));
  EXPECT_EQ(vocab->bos, std::nullopt);
  EXPECT_FALSE(vocab->add_bos);
  EXPECT_FALSE(vocab->add_space_prefix);
}

TEST(ReadVocab, KeysOverrideDefaults) {
  GgufHeader header = spm_header();
  header.set("tokenizer.ggml.bos_token_id", std::uint32_t{2});
  header.set("tokenizer.ggml.eot_token_id", std::uint32_t{3});
  header.set("tokenizer.ggml.padding_token_id", std::uint32_t{0});
  header.set("tokenizer.ggml.add_bos_token", false);
  header.set("tokenizer.ggml.add_eos_token", true);
  header.set("tokenizer.ggml.add_space_prefix", false);
  const auto vocab = read(header);
  ASSERT_TRUE(vocab.ok()) << vocab.status().to_string();
  EXPECT_EQ(vocab->bos, 2);
  EXPECT_EQ(vocab->eot, 3);
  EXPECT_EQ(vocab->pad, 0);
  EXPECT_FALSE(vocab->add_bos);
  EXPECT_TRUE(vocab->add_eos);
  EXPECT_FALSE(vocab->add_space_prefix);
}

TEST(ReadVocab, LlamaBpeAddsBosByDefault) {
  GgufHeader header = bpe_header();
  header.set("tokenizer.ggml.pre", "llama-bpe");
  header.set("tokenizer.ggml.bos_token_id", std::uint32_t{3});
  const auto vocab = read(header);
  ASSERT_TRUE(vocab.ok()) << vocab.status().to_string();
  EXPECT_TRUE(vocab->add_bos);
}

TEST(ReadVocab, OtherModelsAreUnimplemented) {
  GgufHeader header = spm_header();
  header.set("tokenizer.ggml.model", "bert");
  expect_bad(header, StatusCode::unimplemented, "'bert', want 'llama' or 'gpt2'");
}

TEST(ReadVocab, MissingKeysAreNamed) {
  for (const char* key : {"tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.scores",
                          "tokenizer.ggml.token_type"}) {
    GgufHeader header = spm_header();
    ASSERT_TRUE(header.erase(key));
    const auto vocab = read(header);
    ASSERT_FALSE(vocab.ok()) << key;
    EXPECT_THAT(vocab.status().message(), HasSubstr(key));
  }
  GgufHeader header = bpe_header();
  ASSERT_TRUE(header.erase("tokenizer.ggml.merges"));
  EXPECT_THAT(read(header).status().message(), HasSubstr("tokenizer.ggml.merges"));
}

TEST(ReadVocab, WrongTypesAndNumbersAreNamed) {
  GgufHeader header = spm_header();
  header.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{2, 3, 3, 7});
  expect_bad(header, StatusCode::invalid_argument, "token_type: element 3: 7, want 0 to 6");
  header = spm_header();
  header.set("tokenizer.ggml.scores", std::vector<float>{0, 0, 0});
  expect_bad(header, StatusCode::invalid_argument, "scores: 3, want 4, one per token");
  header = spm_header();
  header.set("tokenizer.ggml.eos_token_id", std::uint32_t{4});
  expect_bad(header, StatusCode::invalid_argument, "eos token: id 4, want 0 to 3");
  header = spm_header();
  header.set("tokenizer.ggml.tokens", "a");
  EXPECT_THAT(read(header).status().message(), HasSubstr("tokenizer.ggml.tokens"));
  header = spm_header();
  header.set("tokenizer.ggml.add_bos_token", "yes");
  EXPECT_THAT(read(header).status().message(), HasSubstr("tokenizer.ggml.add_bos_token"));
}

TEST(ReadVocab, RealFile) {
  const auto file = GgufFile::open(test::data_file("stories260K/stories260K-f32.gguf"));
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  auto vocab = read_vocab(*file);
  ASSERT_TRUE(vocab.ok()) << vocab.status().to_string();
  EXPECT_EQ(vocab->pieces.size(), 512U);
  const auto tokenizer = Tokenizer::create(*std::move(vocab));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  EXPECT_EQ((*tokenizer)->bos(), 1);
}

}  // namespace
}  // namespace synfire
