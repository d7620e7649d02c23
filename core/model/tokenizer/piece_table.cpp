#include "core/model/tokenizer/piece_table.hpp"

#include "core/model/tokenizer/byte_alphabet.hpp"

namespace synfire {
namespace {

std::string with_spaces(std::string_view piece) {
  std::string text;
  while (!piece.empty()) {
    const bool is_space = piece.starts_with(kSentencePieceSpace);
    text += is_space ? ' ' : piece.front();
    piece.remove_prefix(is_space ? kSentencePieceSpace.size() : 1);
  }
  return text;
}

std::string token_bytes(VocabModel model, TokenType type, const std::string& piece) {
  if (type == TokenType::control || type == TokenType::unknown || type == TokenType::user_defined)
    return piece;
  // Text that is not in the byte alphabet can only be meant as it stands.
  if (model == VocabModel::gpt2) return byte_alphabet::to_bytes(piece).value_or(piece);
  if (type != TokenType::byte) return with_spaces(piece);
  const std::optional<std::uint8_t> byte = named_byte(piece);
  return byte ? std::string(1, static_cast<char>(*byte)) : piece;
}

}  // namespace

PieceTable::PieceTable(const Vocab& vocab) {
  begins_.reserve(vocab.pieces.size() + 1);
  begins_.push_back(0);
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id) {
    bytes_ += token_bytes(vocab.model, vocab.types[id], vocab.pieces[id]);
    begins_.push_back(bytes_.size());
  }
}

std::string_view PieceTable::piece(std::int32_t id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= size()) return {};
  const auto i = static_cast<std::size_t>(id);
  return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
}

}  // namespace synfire
