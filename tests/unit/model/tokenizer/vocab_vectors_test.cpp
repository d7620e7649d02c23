// The ids that llama.cpp's own tokenizer test expects, for real vocabularies.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "core/model/tokenizer/read_vocab.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "tests/support/paths.hpp"

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

std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& path) {
  const auto file = GgufFile::open(path);
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  if (!file.ok()) return nullptr;
  auto vocab = read_vocab(*file);
  EXPECT_TRUE(vocab.ok()) << vocab.status().to_string();
  if (!vocab.ok()) return nullptr;
  auto tokenizer = Tokenizer::create(*std::move(vocab));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().to_string();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

class VocabVectors : public testing::TestWithParam<const char*> {};

TEST_P(VocabVectors, GiveTheReferenceIds) {
  SYNFIRE_SHARED_OR_SKIP(path, std::string("vocab/ggml-vocab-") + GetParam() + ".gguf");
  const auto tokenizer = open_tokenizer(path);
  ASSERT_NE(tokenizer, nullptr);
  const auto texts = read_texts(path.string() + ".inp");
  const auto expected = read_ids(path.string() + ".out");
  ASSERT_GE(texts.size(), 40U);
  ASSERT_EQ(texts.size(), expected.size());
  EncodeOptions options;
  options.add_bos = false;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer->encode(texts[i], options);
    ASSERT_TRUE(ids.ok()) << ids.status().to_string();
    EXPECT_EQ(*ids, expected[i]) << "text " << i << ": '" << texts[i] << "'";
    const auto text = tokenizer->decode(*ids);
    ASSERT_TRUE(text.ok()) << text.status().to_string();
    EXPECT_EQ(*text, texts[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, VocabVectors,
                         testing::Values("deepseek-coder", "falcon", "gpt-2", "llama-spm", "mpt",
                                         "starcoder"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

// Comes without reference ids, and without the name of a pre-tokenizer.
TEST(VocabFile, WithoutPreTokenizerNameOpens) {
  SYNFIRE_SHARED_OR_SKIP(path, "vocab/ggml-vocab-falcon-v2.gguf");
  const auto tokenizer = open_tokenizer(path);
  ASSERT_NE(tokenizer, nullptr);
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
