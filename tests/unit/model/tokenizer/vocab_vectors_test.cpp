// Real vocabularies against the ids that others give: llama.cpp's own tokenizer test,
// SentencePiece, Hugging Face (in goldens).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "core/model/golden.hpp"
#include "tests/support/paths.hpp"
#include "tests/unit/model/tokenizer/small_vocabs.hpp"

namespace synfire {
namespace {

std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// Each text is followed by a separator, the last one too.
std::vector<std::string> read_texts(const std::filesystem::path& path) {
  const std::string separator = "\n__ggml_vocab_test__\n";
  const std::string all = read_all(path);
  std::vector<std::string> texts;
  std::size_t at = 0;
  for (std::size_t end; (end = all.find(separator, at)) != std::string::npos;
       at = end + separator.size())
    texts.push_back(all.substr(at, end - at));
  EXPECT_EQ(at, all.size()) << path;
  return texts;
}

std::vector<std::vector<std::int32_t>> read_ids(const std::filesystem::path& path) {
  std::istringstream lines(read_all(path));
  std::vector<std::vector<std::int32_t>> all;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    all.emplace_back(std::istream_iterator<std::int32_t>(numbers),
                     std::istream_iterator<std::int32_t>());
  }
  return all;
}

void expect_reference_ids(const std::filesystem::path& model, const std::string& vectors) {
  const auto tokenizer = test::open_tokenizer(model);
  const auto texts = read_texts(vectors + ".inp");
  const auto expected = read_ids(vectors + ".out");
  ASSERT_GE(texts.size(), 40U);
  ASSERT_EQ(texts.size(), expected.size());
  EncodeOptions options;
  options.add_bos = false;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer->encode(texts[i], options);
    ASSERT_TRUE(ids.ok()) << ids.status().to_string();
    EXPECT_EQ(*ids, expected[i]) << "text " << i << ": '" << texts[i] << "'";
    // SentencePiece takes U+2581 for a space.
    if (texts[i].find(kSentencePieceSpace) != std::string::npos) continue;
    EXPECT_EQ(*tokenizer->decode(*ids), texts[i]);
  }
}

class VocabVectors : public testing::TestWithParam<const char*> {};

TEST_P(VocabVectors, GiveTheReferenceIds) {
  SYNFIRE_SHARED_OR_SKIP(path, std::string("vocab/ggml-vocab-") + GetParam() + ".gguf");
  expect_reference_ids(path, path.string());
}

INSTANTIATE_TEST_SUITE_P(Files, VocabVectors,
                         testing::Values("deepseek-coder", "falcon", "gpt-2", "llama-spm", "mpt",
                                         "starcoder"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

// From SentencePiece itself, for the model of this repository.
TEST(VocabFile, BundledModelGivesSentencePiecesIds) {
  expect_reference_ids(test::data_file("../../models/synfire-tiny-q8_0.gguf"),
                       test::data_file("tokenizer-vectors/synfire-tiny").string());
}

void expect_golden_prompts(const std::filesystem::path& model, const std::filesystem::path& path) {
  const auto tokenizer = test::open_tokenizer(model);
  const auto golden = Golden::open(path);
  ASSERT_TRUE(golden.ok()) << golden.status().to_string();
  ASSERT_FALSE(golden->prompts().empty());
  for (const GoldenPrompt& prompt : golden->prompts()) {
    if (!prompt.text) continue;
    const auto ids = tokenizer->encode(*prompt.text);
    ASSERT_TRUE(ids.ok()) << ids.status().to_string();
    EXPECT_THAT(*ids, testing::ElementsAreArray(prompt.tokens)) << *prompt.text;
    const auto text = tokenizer->decode(*ids);
    ASSERT_TRUE(text.ok()) << text.status().to_string();
    EXPECT_EQ(*text, *prompt.text);
  }
}

TEST(VocabFile, GoldenPromptsOfStories260K) {
  expect_golden_prompts(test::data_file("stories260K/stories260K-f32.gguf"),
                        test::data_file("stories260K/stories260K.golden.gguf"));
}

TEST(VocabFile, GoldenPromptsOfTheBundledModel) {
  SYNFIRE_SHARED_OR_SKIP(model, "models/synfire-tiny/synfire-tiny-q8_0.gguf");
  SYNFIRE_SHARED_OR_SKIP(golden, "models/synfire-tiny/synfire-tiny.golden.gguf");
  expect_golden_prompts(model, golden);
}

// Comes without reference ids, and without the name of a pre-tokenizer.
TEST(VocabFile, WithoutPreTokenizerNameOpens) {
  SYNFIRE_SHARED_OR_SKIP(path, "vocab/ggml-vocab-falcon-v2.gguf");
  const auto tokenizer = test::open_tokenizer(path);
  EXPECT_EQ(tokenizer->vocab_size(), 65024U);
  EXPECT_EQ(tokenizer->bos(), std::nullopt);
  EXPECT_TRUE(tokenizer->is_end_of_generation(11));
  const auto ids = tokenizer->encode("Hello, 12345 world\n");
  ASSERT_TRUE(ids.ok()) << ids.status().to_string();
  const auto text = tokenizer->decode(*ids);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "Hello, 12345 world\n");
}

}  // namespace
}  // namespace synfire
