#include "tests/unit/model/tokenizer/small_vocabs.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/byte_alphabet.hpp"
#include "core/model/tokenizer/read_vocab.hpp"

namespace synfire::test {

std::int32_t add_token(Vocab& vocab, std::string_view piece, TokenType type, float score) {
  vocab.pieces.emplace_back(piece);
  vocab.types.push_back(type);
  if (vocab.model == VocabModel::llama) vocab.scores.push_back(score);
  return static_cast<std::int32_t>(vocab.pieces.size() - 1);
}

Vocab small_bpe(std::initializer_list<std::string_view> merges, std::string_view pre) {
  Vocab vocab;
  vocab.model = VocabModel::gpt2;
  vocab.pre = pre;
  for (unsigned byte = 0; byte < 256; ++byte)
    add_token(vocab, byte_alphabet::to_text(static_cast<std::uint8_t>(byte)), TokenType::normal);
  for (const std::string_view merge : merges) {
    std::string piece(merge);
    piece.erase(piece.find(' '), 1);
    add_token(vocab, piece, TokenType::normal);
    vocab.merges.emplace_back(merge);
  }
  vocab.bos = add_token(vocab, "<|begin|>", TokenType::control);
  vocab.eos = add_token(vocab, "<|im_end|>", TokenType::control);
  add_token(vocab, "<mark>", TokenType::user_defined);
  add_token(vocab, "<|unk|>", TokenType::unknown);
  return vocab;
}

Vocab small_spm(std::initializer_list<std::string_view> pieces) {
  Vocab vocab;
  vocab.unk = add_token(vocab, "<unk>", TokenType::unknown);
  vocab.bos = add_token(vocab, "<s>", TokenType::control);
  vocab.eos = add_token(vocab, "</s>", TokenType::control);
  for (int byte = 0; byte < 256; ++byte)
    add_token(vocab, fmt::format("<0x{:02X}>", byte), TokenType::byte);
  for (float score = 0; const std::string_view piece : pieces) {
    std::string text;
    for (const char c : piece)
      text += c == '_' ? std::string(kSentencePieceSpace) : std::string(1, c);
    add_token(vocab, text, TokenType::normal, score -= 1);
  }
  vocab.add_bos = true;
  vocab.add_space_prefix = true;
  return vocab;
}

std::int32_t id_of(const Vocab& vocab, std::string_view piece) {
  const auto found = std::ranges::find(vocab.pieces, piece);
  if (found == vocab.pieces.end()) throw std::runtime_error(fmt::format("no piece '{}'", piece));
  return static_cast<std::int32_t>(found - vocab.pieces.begin());
}

std::unique_ptr<Tokenizer> make_tokenizer(const Vocab& vocab) {
  auto tokenizer = Tokenizer::create(vocab);
  if (!tokenizer.ok()) throw std::runtime_error(tokenizer.status().to_string());
  return *std::move(tokenizer);
}

std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& path) {
  const auto file = GgufFile::open(path);
  if (!file.ok()) throw std::runtime_error(file.status().to_string());
  const auto vocab = read_vocab(*file);
  if (!vocab.ok()) throw std::runtime_error(vocab.status().to_string());
  return make_tokenizer(*vocab);
}

std::string pieces_of(const Tokenizer& tokenizer, std::string_view text, bool parse_special) {
  EncodeOptions options;
  options.add_bos = false;
  options.parse_special = parse_special;
  const auto ids = tokenizer.encode(text, options);
  if (!ids.ok()) throw std::runtime_error(ids.status().to_string());
  std::string joined;
  for (const std::int32_t id : *ids) {
    if (!joined.empty()) joined += '|';
    joined += tokenizer.piece(id);
  }
  return joined;
}

}  // namespace synfire::test
