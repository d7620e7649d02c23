#include "core/model/tokenizer/write_vocab.hpp"

#include <gtest/gtest.h>

#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/read_vocab.hpp"

namespace synfire {
namespace {

Vocab written_and_read(const Vocab& vocab) {
  GgufHeader header;
  write_vocab(vocab, header);
  const auto bytes = header.encode();
  EXPECT_TRUE(bytes.ok()) << bytes.status().to_string();
  const auto file = GgufFile::parse(*bytes, "vocab.gguf");
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  auto read = read_vocab(*file);
  EXPECT_TRUE(read.ok()) << read.status().to_string();
  return read.ok() ? *std::move(read) : Vocab{};
}

void expect_same(const Vocab& got, const Vocab& want) {
  EXPECT_EQ(got.model, want.model);
  EXPECT_EQ(got.pre, want.pre);
  EXPECT_EQ(got.pieces, want.pieces);
  EXPECT_EQ(got.scores, want.scores);
  EXPECT_EQ(got.types, want.types);
  EXPECT_EQ(got.merges, want.merges);
  for (const auto id :
       {&Vocab::bos, &Vocab::eos, &Vocab::eot, &Vocab::eom, &Vocab::unk, &Vocab::pad})
    EXPECT_EQ(got.*id, want.*id);
  EXPECT_EQ(got.add_bos, want.add_bos);
  EXPECT_EQ(got.add_eos, want.add_eos);
  EXPECT_EQ(got.add_space_prefix, want.add_space_prefix);
}

TEST(WriteVocab, IsReadAsItWas) {
  Vocab vocab;
  vocab.pieces = {"<unk>", "<s>", "</s>", "<0x0A>", "a"};
  vocab.scores = {0, 0, 0, 0, -1.5F};
  vocab.types = {TokenType::unknown, TokenType::control, TokenType::control, TokenType::byte,
                 TokenType::normal};
  vocab.bos = 1;
  vocab.eos = 2;
  vocab.eot = 4;
  vocab.unk = 0;
  vocab.add_eos = true;
  expect_same(written_and_read(vocab), vocab);
}

TEST(WriteVocab, ByteLevelTooWhateverItsPreTokenizerDoesByItself) {
  Vocab vocab;
  vocab.model = VocabModel::gpt2;
  vocab.pre = "llama-bpe";  // adds BOS where the file does not say
  vocab.pieces = {"a", "b", "ab", "<s>"};
  vocab.types = {TokenType::normal, TokenType::normal, TokenType::normal, TokenType::control};
  vocab.merges = {"a b"};
  vocab.bos = 3;
  vocab.add_bos = false;
  expect_same(written_and_read(vocab), vocab);
}

}  // namespace
}  // namespace synfire
