#include "core/model/synth/made_vocabulary.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace synfire::synth {
namespace {

constexpr std::string_view kSpace = "\u2581";  // of SentencePiece
enum Type : std::int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

struct Vocabulary {
  std::vector<std::string> pieces;
  std::vector<float> scores;
  std::vector<std::int32_t> types;

  void add(std::string piece, Type type) {
    scores.push_back(type == kNormal ? -static_cast<float>(pieces.size()) : 0.0F);
    pieces.push_back(std::move(piece));
    types.push_back(type);
  }
};

// "ba", "be", ..., "zu", "baba", ...: different for every number.
std::string syllables(std::uint32_t number) {
  constexpr std::string_view kConsonants = "bcdfghjklmnpqrstvwxz", kVowels = "aeiou";
  constexpr std::uint32_t kSyllables = 100;
  std::string text;
  for (std::uint32_t left = number + 1; left > 0; left = (left - 1) / kSyllables) {
    const std::uint32_t syllable = (left - 1) % kSyllables;
    text = fmt::format("{}{}{}", kConsonants[syllable / 5], kVowels[syllable % 5], text);
  }
  return text;
}

Vocabulary make(std::uint32_t n_vocab) {
  Vocabulary vocabulary;
  vocabulary.add("<unk>", kUnknown);
  vocabulary.add("<s>", kControl);
  vocabulary.add("</s>", kControl);
  for (int byte = 0; byte < 256; ++byte) vocabulary.add(fmt::format("<0x{:02X}>", byte), kByte);
  vocabulary.add(std::string(kSpace), kNormal);
  for (char c = '!'; c <= '~'; ++c) vocabulary.add(std::string(1, c), kNormal);
  for (std::uint32_t i = 0; vocabulary.pieces.size() < n_vocab; ++i)
    vocabulary.add((i % 2 == 0 ? std::string(kSpace) : "") + syllables(i / 2), kNormal);
  return vocabulary;
}

}  // namespace

void set_vocabulary(GgufHeader& header, std::uint32_t n_vocab) {
  if (n_vocab < kLeastVocabulary) return;
  const Vocabulary vocabulary = make(n_vocab);
  header.set("tokenizer.ggml.model", "llama");
  header.set("tokenizer.ggml.tokens", vocabulary.pieces);
  header.set("tokenizer.ggml.scores", vocabulary.scores);
  header.set("tokenizer.ggml.token_type", vocabulary.types);
  header.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  header.set("tokenizer.ggml.eos_token_id", std::uint32_t{2});
  header.set("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
  header.set("tokenizer.ggml.add_bos_token", true);
}

}  // namespace synfire::synth
