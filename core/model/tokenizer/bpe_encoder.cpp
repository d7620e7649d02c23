#include "core/model/tokenizer/bpe_encoder.hpp"

#include <string>
#include <unordered_map>
#include <utility>

#include "core/model/tokenizer/byte_alphabet.hpp"

namespace synfire {
namespace {

using TokenIds = std::unordered_map<std::string_view, std::int32_t>;

// Pieces that text without special tokens can become.
bool is_mergeable(TokenType type) {
  return type == TokenType::normal || type == TokenType::unused || type == TokenType::undefined;
}

TokenIds index_pieces(const Vocab& vocab) {
  TokenIds ids;
  ids.reserve(vocab.pieces.size());
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id)
    if (is_mergeable(vocab.types[id])) ids.emplace(vocab.pieces[id], static_cast<std::int32_t>(id));
  return ids;
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

Result<std::int32_t> require_token(const TokenIds& ids, std::string_view piece) {
  const auto found = ids.find(piece);
  if (found == ids.end()) return invalid_argument("'{}' is no token", piece);
  return found->second;
}

struct ParsedMerge {
  std::int32_t left, right, result;
};

Result<ParsedMerge> parse_merge(const TokenIds& ids, std::string_view text) {
  // The left part may be a space itself, in vocabularies that are not in the byte alphabet.
  const std::size_t space = text.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == text.size())
    return invalid_argument("want two tokens with a space between");
  const std::string_view left = text.substr(0, space);
  const std::string_view right = text.substr(space + 1);
  ParsedMerge merge{};
  SYNFIRE_ASSIGN_OR_RETURN(merge.left, require_token(ids, left));
  SYNFIRE_ASSIGN_OR_RETURN(merge.right, require_token(ids, right));
  SYNFIRE_ASSIGN_OR_RETURN(merge.result, require_token(ids, std::string(left).append(right)));
  return merge;
}

}  // namespace

BpeEncoder::BpeEncoder(PreTokenizer pre_tokenizer, std::size_t merge_count)
    : pre_tokenizer_(std::move(pre_tokenizer)), merges_(merge_count) {}

Result<std::unique_ptr<Encoder>> BpeEncoder::create(const Vocab& vocab) {
  SYNFIRE_ASSIGN_OR_RETURN(PreTokenizer pre_tokenizer, PreTokenizer::create(vocab.pre));
  std::unique_ptr<BpeEncoder> encoder(
      new BpeEncoder(std::move(pre_tokenizer), vocab.merges.size()));
  encoder->read_tokens(vocab);
  SYNFIRE_RETURN_IF_ERROR(encoder->read_merges(vocab));
  return std::unique_ptr<Encoder>(std::move(encoder));
}

void BpeEncoder::read_tokens(const Vocab& vocab) {
  const TokenIds ids = index_pieces(vocab);
  for (unsigned byte = 0; byte < byte_ids_.size(); ++byte) {
    const auto found = ids.find(byte_alphabet::to_text(static_cast<std::uint8_t>(byte)));
    byte_ids_[byte] = found == ids.end() ? vocab.unk.value_or(-1) : found->second;
  }
  if (!pre_tokenizer_.ignores_merges()) return;
  for (const auto& [piece, id] : ids)
    if (auto bytes = byte_alphabet::to_bytes(piece)) whole_tokens_.emplace(*std::move(bytes), id);
}

Status BpeEncoder::read_merges(const Vocab& vocab) {
  const TokenIds ids = index_pieces(vocab);
  for (std::size_t rank = 0; rank < vocab.merges.size(); ++rank) {
    const Result<ParsedMerge> merge = parse_merge(ids, vocab.merges[rank]);
    if (!merge.ok())
      return merge.status().with_context(fmt::format("merge {}: '{}'", rank, vocab.merges[rank]));
    const Merge entry{static_cast<std::uint32_t>(rank), merge->result};
    if (!merges_.insert(pair_key(merge->left, merge->right), entry))
      return invalid_argument("merge {}: '{}' stands before already", rank, vocab.merges[rank]);
  }
  return {};
}

std::optional<Merge> BpeEncoder::find(const Symbol& left, const Symbol& right) const {
  const Merge* merge = merges_.find(pair_key(left.id, right.id));
  if (merge == nullptr) return {};
  return *merge;
}

bool BpeEncoder::append_whole(std::string_view piece, std::vector<std::int32_t>& ids) const {
  if (!pre_tokenizer_.ignores_merges()) return false;
  const auto found = whole_tokens_.find(piece);
  if (found == whole_tokens_.end()) return false;
  ids.push_back(found->second);
  return true;
}

Status BpeEncoder::link_bytes(std::string_view piece, std::vector<Symbol>& symbols) const {
  symbols.clear();
  for (std::size_t i = 0; i < piece.size(); ++i) {
    const auto at = static_cast<std::int32_t>(i);
    const auto byte = static_cast<std::uint8_t>(piece[i]);
    if (byte_ids_[byte] < 0)
      return invalid_argument("text: byte 0x{:02X} has no token in this vocabulary", byte);
    symbols.push_back({at - 1, at + 1, static_cast<std::uint32_t>(i), 1, byte_ids_[byte]});
  }
  symbols.back().next = -1;
  return {};
}

Status BpeEncoder::encode(std::string_view text, std::vector<std::int32_t>& ids,
                          EncodeWork& work) const {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<TextRange> pieces, pre_tokenizer_.split(text));
  Merger merger(*this, work);
  std::vector<Symbol> symbols;
  for (const TextRange range : pieces) {
    const std::string_view piece = text.substr(range.begin, range.end - range.begin);
    if (append_whole(piece, ids)) continue;
    SYNFIRE_RETURN_IF_ERROR(link_bytes(piece, symbols));
    merger.run(symbols);
    for (const Symbol& symbol : symbols)
      if (symbol.bytes > 0) ids.push_back(symbol.id);
  }
  return {};
}

}  // namespace synfire
