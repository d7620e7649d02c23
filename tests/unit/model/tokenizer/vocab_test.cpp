#include "core/model/tokenizer/vocab.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/unit/model/tokenizer/small_vocabs.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;

void expect_bad(const Vocab& vocab, std::string_view text) {
  const Status status = check_vocab(vocab);
  EXPECT_EQ(status.code(), StatusCode::invalid_argument);
  EXPECT_THAT(status.message(), HasSubstr(text));
}

TEST(Vocab, SmallOnesAreGood) {
  EXPECT_EQ(check_vocab(test::small_spm({"a"})), Status());
  EXPECT_EQ(check_vocab(test::small_bpe({"a b"})), Status());
}

TEST(Vocab, CountsMustAgree) {
  Vocab vocab = test::small_spm({"a"});
  vocab.scores.pop_back();
  expect_bad(vocab, "scores: 259, want 260, one per token");
  vocab = test::small_spm({"a"});
  vocab.types.push_back(TokenType::normal);
  expect_bad(vocab, "token types: 261, want 260, one per token");
  expect_bad(Vocab(), "tokens: none");
}

TEST(Vocab, ScoresMustBeNumbers) {
  Vocab vocab = test::small_spm({"a"});
  vocab.scores[7] = std::numeric_limits<float>::quiet_NaN();
  expect_bad(vocab, "score of token 7");
}

TEST(Vocab, PiecesMustDiffer) {
  Vocab vocab = test::small_spm({"a", "b", "a"});
  expect_bad(vocab, "token 261: 'a' is token 259 already");
}

TEST(Vocab, EmptyPiecesAreHoles) {
  Vocab vocab = test::small_spm({"a", "", ""});
  EXPECT_EQ(check_vocab(vocab), Status());
}

TEST(Vocab, ByteTokensMustNameBytes) {
  Vocab vocab = test::small_spm({"a"});
  for (const char* bad : {"<0x0>", "<0xGG>", "<0x1G>", "0x0A", "<0x 1>", ""}) {
    vocab.pieces[5] = bad;
    expect_bad(vocab, "token 5: '" + std::string(bad) + "' of type byte");
  }
  EXPECT_EQ(named_byte("<0x0A>"), 10);
  EXPECT_EQ(named_byte("<0xff>"), 255);
}

TEST(Vocab, SpecialIdsMustBeInRange) {
  Vocab vocab = test::small_spm({"a"});
  vocab.eos = 260;
  expect_bad(vocab, "eos token: id 260, want 0 to 259");
  vocab.eos = -1;
  expect_bad(vocab, "eos token: id -1, want 0 to 259");
  for (const auto field : {&Vocab::bos, &Vocab::eot, &Vocab::eom, &Vocab::unk, &Vocab::pad}) {
    Vocab other = test::small_spm({"a"});
    other.*field = 1000;
    expect_bad(other, "id 1000, want 0 to 259");
  }
}

TEST(Vocab, WhatIsAddedMustExist) {
  Vocab vocab = test::small_spm({"a"});
  vocab.bos.reset();
  expect_bad(vocab, "bos token: absent");
  vocab.add_bos = false;
  EXPECT_EQ(check_vocab(vocab), Status());
  vocab.add_eos = true;
  vocab.eos.reset();
  expect_bad(vocab, "eos token: absent");
}

}  // namespace
}  // namespace synfire
