#include "core/model/tokenizer/spm_encoder.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>

#include "core/model/tokenizer/merger.hpp"
#include "core/model/tokenizer/utf8.hpp"

namespace synfire {
namespace {

// User-defined tokens are cut out before; control tokens and bytes never come from text.
bool is_mergeable(const Vocab& vocab, std::size_t id) {
  const TokenType type = vocab.types[id];
  if (type != TokenType::normal && type != TokenType::unused && type != TokenType::undefined)
    return false;
  return !vocab.pieces[id].empty() && utf8::is_valid(vocab.pieces[id]);
}

// Both characters are valid UTF-8, so the key is never all ones.
std::uint64_t pair_key(std::string_view left, std::string_view right) {
  std::uint64_t key = 0;
  for (const char byte : left) key = key << 8 | static_cast<std::uint8_t>(byte);
  key <<= 32 - 8 * left.size();
  for (const char byte : right) key = key << 8 | static_cast<std::uint8_t>(byte);
  return key << (32 - 8 * right.size());
}

void append_char_pairs(std::string_view piece, std::vector<std::uint64_t>& keys) {
  std::string_view left;
  while (!piece.empty()) {
    const std::string_view right = piece.substr(0, utf8::length_by_lead(piece.front()));
    if (!left.empty()) keys.push_back(pair_key(left, right));
    piece.remove_prefix(right.size());
    left = right;
  }
}

FlatMap<bool> index_char_pairs(const Vocab& vocab) {
  std::vector<std::uint64_t> keys;
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id)
    if (is_mergeable(vocab, id)) append_char_pairs(vocab.pieces[id], keys);
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  FlatMap<bool> pairs(keys.size());
  for (const std::uint64_t key : keys) pairs.insert(key, true);
  return pairs;
}

// Distinct scores, the best first.
std::vector<float> sorted_scores(const Vocab& vocab) {
  std::vector<float> scores = vocab.scores;
  std::ranges::sort(scores, std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  return scores;
}

std::string with_spaces_escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (c == ' ')
      escaped += kSentencePieceSpace;
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

// Also the rule that Merger asks. One thread.
class SpmEncoder::Session {
 public:
  Session(const SpmEncoder& encoder, std::string_view text, std::vector<std::int32_t>& ids,
          EncodeWork& work)
      : encoder_(encoder), text_(text), ids_(ids), first_(ids.size()), merger_(*this, work) {}

  Status run() {
    std::uint32_t begin = 0;
    std::string_view left;
    for (std::uint32_t at = 0; at < text_.size();) {
      const std::string_view right = text_.substr(at, utf8::length_by_lead(text_[at]));
      if (at > begin && !encoder_.may_join(left, right)) {
        SYNFIRE_RETURN_IF_ERROR(encode_part(begin, at));
        begin = at;
      }
      at += static_cast<std::uint32_t>(right.size());
      left = right;
    }
    return encode_part(begin, static_cast<std::uint32_t>(text_.size()));
  }

  std::optional<Merge> find(const Symbol& left, const Symbol& right) {
    const std::size_t bytes = left.bytes + right.bytes;
    if (bytes > encoder_.max_piece_bytes_) return {};
    const std::string_view piece = text_.substr(left.begin, bytes);
    const Token* token = encoder_.find_token(piece);
    if (token == nullptr) return {};
    if (token->is_unused) unused_splits_[piece] = left.bytes;
    return Merge{token->rank, token->id};
  }

 private:
  Status encode_part(std::uint32_t begin, std::uint32_t end) {
    symbols_.clear();
    for (std::uint32_t at = begin; at < end;) {
      const auto i = static_cast<std::int32_t>(symbols_.size());
      const auto bytes = static_cast<std::uint32_t>(utf8::length_by_lead(text_[at]));
      symbols_.push_back({i - 1, i + 1, at, bytes, -1});
      at += bytes;
    }
    if (symbols_.empty()) return {};
    symbols_.back().next = -1;
    merger_.run(symbols_);
    for (const Symbol& symbol : symbols_)
      if (symbol.bytes > 0)
        SYNFIRE_RETURN_IF_ERROR(append(text_.substr(symbol.begin, symbol.bytes)));
    return {};
  }

  // Takes unused tokens apart, the way they were joined.
  Status append(std::string_view symbol) {
    std::vector<std::string_view>& stack = append_stack_;
    stack.assign(1, symbol);
    while (!stack.empty()) {
      const std::string_view piece = stack.back();
      stack.pop_back();
      const Token* token = encoder_.find_token(piece);
      const auto split =
          token != nullptr && token->is_unused ? unused_splits_.find(piece) : unused_splits_.end();
      if (token == nullptr) {
        SYNFIRE_RETURN_IF_ERROR(append_bytes(piece));
      } else if (split == unused_splits_.end()) {
        ids_.push_back(token->id);
      } else {
        stack.push_back(piece.substr(split->second));
        stack.push_back(piece.substr(0, split->second));
      }
    }
    return {};
  }

  Status append_bytes(std::string_view character) {
    const std::size_t before = ids_.size();
    for (const char byte : character) {
      ids_.push_back(encoder_.byte_ids_[static_cast<std::uint8_t>(byte)]);
      if (ids_.back() < 0) return append_unknown(character, before);
    }
    return {};
  }

  // A run of unknown characters is one <unk>.
  Status append_unknown(std::string_view character, std::size_t ids_before) {
    ids_.resize(ids_before);
    if (encoder_.unk_ < 0)
      return invalid_argument("text: '{}' has no token in this vocabulary", character);
    if (ids_.size() == first_ || ids_.back() != encoder_.unk_) ids_.push_back(encoder_.unk_);
    return {};
  }

  const SpmEncoder& encoder_;
  std::string_view text_;  // spaces escaped
  std::vector<std::int32_t>& ids_;
  std::size_t first_;  // index of the text's first id in ids_
  Merger<Session> merger_;
  std::vector<Symbol> symbols_;
  std::vector<std::string_view> append_stack_;
  std::unordered_map<std::string_view, std::size_t> unused_splits_;  // bytes of the left part
};

SpmEncoder::SpmEncoder(const Vocab& vocab)
    : char_pairs_(index_char_pairs(vocab)), unk_(vocab.unk.value_or(-1)) {
  byte_ids_.fill(-1);
  const std::vector<float> scores = sorted_scores(vocab);
  tokens_.reserve(vocab.pieces.size());
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id) {
    if (vocab.types[id] == TokenType::byte)
      if (const auto byte = named_byte(vocab.pieces[id]))
        byte_ids_[*byte] = static_cast<std::int32_t>(id);
    if (!is_mergeable(vocab, id)) continue;
    const auto rank = std::ranges::lower_bound(scores, vocab.scores[id], std::greater<>());
    tokens_.emplace(vocab.pieces[id], Token{static_cast<std::int32_t>(id),
                                            static_cast<std::uint32_t>(rank - scores.begin()),
                                            vocab.types[id] == TokenType::unused});
    max_piece_bytes_ = std::max(max_piece_bytes_, vocab.pieces[id].size());
  }
}

const SpmEncoder::Token* SpmEncoder::find_token(std::string_view piece) const {
  const auto found = tokens_.find(piece);
  return found == tokens_.end() ? nullptr : &found->second;
}

bool SpmEncoder::may_join(std::string_view left, std::string_view right) const {
  return char_pairs_.find(pair_key(left, right)) != nullptr;
}

Status SpmEncoder::encode(std::string_view text, std::vector<std::int32_t>& ids,
                          EncodeWork& work) const {
  const std::string escaped = with_spaces_escaped(text);
  return Session(*this, escaped, ids, work).run();
}

}  // namespace synfire
