#include "core/model/convert/tokenizer_json.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/read_vocab.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "tests/support/paths.hpp"

namespace synfire::convert {
namespace {

JsonObject object_of(const std::string& text) {
  auto object = JsonObject::parse(text, "t.json");
  EXPECT_TRUE(object.ok()) << object.status().to_string();
  return *object;
}

Result<Vocab> parsed(const std::string& text) {
  std::vector<std::string> warnings;
  return parse_tokenizer_json(object_of(text), warnings);
}

Result<std::string> pre_name(const std::string& pre_tokenizer) {
  return pre_tokenizer_name(object_of(R"({"pre_tokenizer": )" + pre_tokenizer + "}"));
}

TEST(PreTokenizerJson, KnownOnesHaveNames) {
  const std::string bytes = R"({"type": "ByteLevel", "add_prefix_space": false})";
  const std::string split = R"({"type": "Split", "behavior": "Isolated", "invert": false,
    "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|NUMBER| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}})";
  const auto caseless = [&](const std::string& number) {
    std::string step = split;
    step.replace(step.find("NUMBER"), 6, number);
    return R"({"type": "Sequence", "pretokenizers": [)" + step +
           R"(, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";
  };
  EXPECT_EQ(*pre_name(bytes), "gpt-2");
  EXPECT_EQ(*pre_name(R"({"type": "Sequence", "pretokenizers": [
                          {"type": "Digits", "individual_digits": true}, )" +
                      bytes + "]}"),
            "smollm");
  EXPECT_EQ(*pre_name(R"({"type": "Sequence", "pretokenizers": [
                          {"type": "Punctuation", "behavior": "Contiguous"}, )" +
                      bytes + R"(, {"type": "Digits", "individual_digits": false},
                          {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"},
                           "behavior": "Isolated", "invert": false}]})"),
            "falcon");
  EXPECT_EQ(*pre_name(caseless(R"(\\p{N}{1,3})")), "llama-bpe");
  EXPECT_EQ(*pre_name(caseless(R"(\\p{N})")), "qwen2");
}

TEST(PreTokenizerJson, OthersAreUnimplementedAndNamed) {
  for (const char* pre :
       {R"({"type": "BertPreTokenizer"})", R"({"type": "ByteLevel", "add_prefix_space": true})",
        R"({"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated"})",
        R"({"type": "Sequence", "pretokenizers": [1]})"}) {
    const auto name = pre_name(pre);
    ASSERT_FALSE(name.ok()) << pre;
    EXPECT_EQ(name.status().code(), StatusCode::unimplemented);
    EXPECT_NE(name.status().message().find("pre_tokenizer '{"), std::string::npos);
  }
}

const std::string kBytes = R"("pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false})";

TEST(TokenizerJson, ByteLevel) {
  for (const char* merges : {R"(["a b", "ab c"])", R"([["a", "b"], ["ab", "c"]])"}) {
    const auto vocab = parsed(
        R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4}, "merges": )" +
        std::string(merges) + R"(}, "added_tokens": [{"id": 5, "content": "<s>", "special": true},
          {"id": 7, "content": "<go>", "special": false}], )" +
        kBytes + R"(, "post_processor": {"type": "TemplateProcessing",
          "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]}})");
    ASSERT_TRUE(vocab.ok()) << vocab.status().to_string();
    EXPECT_EQ(vocab->model, VocabModel::gpt2);
    EXPECT_EQ(vocab->pre, "gpt-2");
    EXPECT_EQ(vocab->pieces,
              (std::vector<std::string>{"a", "b", "c", "ab", "abc", "<s>", "", "<go>"}));
    EXPECT_EQ(vocab->merges, (std::vector<std::string>{"a b", "ab c"}));
    EXPECT_EQ(vocab->types[4], TokenType::normal);
    EXPECT_EQ(vocab->types[5], TokenType::control);
    EXPECT_EQ(vocab->types[6], TokenType::unused);
    EXPECT_EQ(vocab->types[7], TokenType::user_defined);
    EXPECT_EQ(vocab->bos, 5);
    EXPECT_TRUE(vocab->add_bos);
    EXPECT_FALSE(vocab->add_eos);
  }
}

TEST(TokenizerJson, WhatSynfireLacksIsUnimplemented) {
  const std::string bpe = R"("model": {"type": "BPE", "vocab": {"a": 0}, "merges": [])";
  for (const std::string& text :
       {R"({"model": {"type": "Unigram", "vocab": []}})" + std::string(),
        "{" + bpe + "}, " + R"("pre_tokenizer": {"type": "Whitespace"}})",
        "{" + bpe + "}, " + kBytes + R"(, "normalizer": {"type": "Lowercase"}})",
        "{" + bpe + R"(, "ignore_merges": true}, )" + kBytes + "}",
        "{" + bpe + R"(, "byte_fallback": true}, "normalizer": {"type": "NFKC"}})"}) {
    const auto vocab = parsed(text);
    ASSERT_FALSE(vocab.ok()) << text;
    EXPECT_EQ(vocab.status().code(), StatusCode::unimplemented) << vocab.status().to_string();
  }
}

TEST(TokenizerJson, FaultsAreErrors) {
  for (const char* text :
       {R"({})", R"({"model": []})", R"({"model": {"vocab": {"a": -1}, "merges": []}})",
        R"({"model": {"vocab": {"a": 4000000000}, "merges": []}})",
        R"({"model": {"vocab": {"a": 0}}})", R"({"model": {"vocab": {"a": 0}, "merges": [1]}})",
        R"({"model": {"vocab": {"a": 0}, "merges": []}, "added_tokens": [{"id": 1}]})"}) {
    const auto vocab = parsed(text);
    ASSERT_FALSE(vocab.ok()) << text;
    EXPECT_EQ(vocab.status().code(), StatusCode::invalid_argument) << vocab.status().to_string();
  }
}

// The JSON that converters of Hugging Face make of a SentencePiece vocabulary.
Vocab listed_merges(const Vocab& original) {
  Vocab vocab = original;
  struct Merge {
    float score;
    std::string text;
  };
  std::vector<Merge> merges;
  const auto is_piece = [&](const std::string& text) {
    const auto found = std::ranges::find(vocab.pieces, text);
    return found != vocab.pieces.end() &&
           vocab.types[static_cast<std::size_t>(found - vocab.pieces.begin())] == TokenType::normal;
  };
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id) {
    if (vocab.types[id] != TokenType::normal) continue;
    const std::string& piece = vocab.pieces[id];
    for (std::size_t at = 1; at < piece.size(); ++at)
      if (is_piece(piece.substr(0, at)) && is_piece(piece.substr(at)))
        merges.push_back({vocab.scores[id], piece.substr(0, at) + ' ' + piece.substr(at)});
  }
  std::ranges::stable_sort(merges, std::ranges::greater{}, &Merge::score);
  for (Merge& merge : merges) vocab.merges.push_back(std::move(merge.text));
  return vocab;
}

TEST(MergeScores, EncodeAsTheModelThatTheMergesAreFrom) {
  const auto file = GgufFile::open(test::data_file("stories260K/stories260K-f32.gguf"));
  ASSERT_TRUE(file.ok());
  const auto original = read_vocab(*file);
  ASSERT_TRUE(original.ok());
  Vocab made = listed_merges(*original);
  ASSERT_FALSE(made.merges.empty());
  const auto scores = scores_of_merges(made);
  ASSERT_TRUE(scores.ok()) << scores.status().to_string();
  made.scores = *scores;
  const auto want = Tokenizer::create(*original), got = Tokenizer::create(made);
  ASSERT_TRUE(want.ok() && got.ok());
  for (const char* text : {"Once upon a time, there was a little girl.", "the  theater, then",
                           "Lily's mom said: \"no!\" Grüße", "aaaaaaaa"})
    EXPECT_EQ(*(*got)->encode(text), *(*want)->encode(text)) << text;
}

TEST(MergeScores, RefusesWhatNoScoresWouldDo) {
  Vocab vocab;
  vocab.pieces = {"a", "b", "c", "ab", "bc", "abc"};
  vocab.types.assign(vocab.pieces.size(), TokenType::normal);
  vocab.merges = {"a b", "b c", "ab c", "a bc"};
  EXPECT_TRUE(scores_of_merges(vocab).ok());
  vocab.merges = {"a b", "b c", "ab c"};
  EXPECT_EQ(scores_of_merges(vocab).status().code(), StatusCode::unimplemented);
  vocab.merges = {"ab c", "a b", "b c", "a bc"};
  EXPECT_EQ(scores_of_merges(vocab).status().code(), StatusCode::unimplemented);
  vocab.merges = {"a c"};
  vocab.pieces = {"a", "c"};
  vocab.types.resize(2);
  EXPECT_EQ(scores_of_merges(vocab).status().code(), StatusCode::invalid_argument);
}

}  // namespace
}  // namespace synfire::convert
