#include "core/model/convert/sentencepiece_model.hpp"

#include <gtest/gtest.h>

#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/read_vocab.hpp"
#include "tests/support/paths.hpp"
#include "tests/unit/model/convert/safetensors_bytes.hpp"

namespace synfire::convert {
namespace {

TEST(SentencePieceModel, IsWhatOtherConvertersMakeOfIt) {
  const auto model =
      parse_sentencepiece(test::read_file(test::data_file("stories260K/tok512.model")));
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  const auto file = GgufFile::open(test::data_file("stories260K/stories260K-f32.gguf"));
  ASSERT_TRUE(file.ok());
  const auto want = read_vocab(*file);
  ASSERT_TRUE(want.ok()) << want.status().to_string();
  EXPECT_EQ(model->vocab.pieces, want->pieces);
  EXPECT_EQ(model->vocab.scores, want->scores);
  EXPECT_EQ(model->vocab.types, want->types);
  EXPECT_EQ(model->vocab.bos, want->bos);
  EXPECT_EQ(model->vocab.eos, want->eos);
  EXPECT_TRUE(model->vocab.add_space_prefix);
  ASSERT_EQ(model->warnings.size(), 1U);  // this one takes runs of spaces as one
  EXPECT_NE(model->warnings[0].find("normalization"), std::string::npos);
}

TEST(SentencePieceModel, UnigramIsUnimplemented) {
  // trainer_spec { model_type: UNIGRAM }, and none at all.
  for (const std::string_view bytes : {std::string_view("\x12\x02\x18\x01"), std::string_view()}) {
    const auto model = parse_sentencepiece(bytes);
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.status().code(), StatusCode::unimplemented);
    EXPECT_EQ(model.status().message(), "SentencePiece model type 1, want 2 (BPE)");
  }
}

TEST(SentencePieceModel, FaultsAreErrors) {
  const std::string whole = test::read_file(test::data_file("stories260K/tok512.model"));
  EXPECT_FALSE(parse_sentencepiece(std::string_view(whole).substr(0, 1000)).ok());
  EXPECT_FALSE(parse_sentencepiece("\x0a\x02\x18\x07").ok());  // a piece of type 7
  EXPECT_FALSE(parse_sentencepiece("{}").ok());
}

}  // namespace
}  // namespace synfire::convert
