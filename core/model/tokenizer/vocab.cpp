#include "core/model/tokenizer/vocab.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace synfire {
namespace {

Status check_counts(const Vocab& vocab) {
  const std::size_t n = vocab.pieces.size();
  if (n == 0) return invalid_argument("tokens: none, want at least 1");
  if (n > std::size_t{std::numeric_limits<std::int32_t>::max()})
    return invalid_argument("tokens: {}, want at most 2147483647", n);
  if (vocab.types.size() != n)
    return invalid_argument("token types: {}, want {}, one per token", vocab.types.size(), n);
  if (vocab.model == VocabModel::llama && vocab.scores.size() != n)
    return invalid_argument("scores: {}, want {}, one per token", vocab.scores.size(), n);
  return {};
}

Status check_scores(const Vocab& vocab) {
  for (std::size_t id = 0; id < vocab.scores.size(); ++id)
    if (std::isnan(vocab.scores[id]))
      return invalid_argument("score of token {}: not a number", id);
  return {};
}

Status check_bytes(const Vocab& vocab) {
  if (vocab.model != VocabModel::llama) return {};
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id)
    if (vocab.types[id] == TokenType::byte && !named_byte(vocab.pieces[id]))
      return invalid_argument("token {}: '{}' of type byte, want the form <0x0A>", id,
                              vocab.pieces[id]);
  return {};
}

// Empty pieces are holes that some converters leave; nothing ever becomes one.
Status check_duplicates(const Vocab& vocab) {
  std::unordered_map<std::string_view, std::size_t> seen;
  seen.reserve(vocab.pieces.size());
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id) {
    if (vocab.pieces[id].empty()) continue;
    const auto [first, is_new] = seen.emplace(vocab.pieces[id], id);
    if (!is_new)
      return invalid_argument("token {}: '{}' is token {} already", id, vocab.pieces[id],
                              first->second);
  }
  return {};
}

Status check_id(const Vocab& vocab, std::string_view name, std::optional<std::int32_t> id) {
  const std::size_t n = vocab.pieces.size();
  if (id && (*id < 0 || static_cast<std::size_t>(*id) >= n))
    return invalid_argument("{} token: id {}, want 0 to {}", name, *id, n - 1);
  return {};
}

Status check_special_ids(const Vocab& vocab) {
  SYNFIRE_RETURN_IF_ERROR(check_id(vocab, "bos", vocab.bos));
  SYNFIRE_RETURN_IF_ERROR(check_id(vocab, "eos", vocab.eos));
  SYNFIRE_RETURN_IF_ERROR(check_id(vocab, "eot", vocab.eot));
  SYNFIRE_RETURN_IF_ERROR(check_id(vocab, "eom", vocab.eom));
  SYNFIRE_RETURN_IF_ERROR(check_id(vocab, "unknown", vocab.unk));
  SYNFIRE_RETURN_IF_ERROR(check_id(vocab, "padding", vocab.pad));
  if (vocab.add_bos && !vocab.bos) return invalid_argument("bos token: absent, but add_bos is set");
  if (vocab.add_eos && !vocab.eos) return invalid_argument("eos token: absent, but add_eos is set");
  return {};
}

}  // namespace

std::optional<std::uint8_t> named_byte(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || !piece.ends_with('>')) return {};
  std::uint8_t byte = 0;
  const char* end = piece.data() + 5;
  if (std::from_chars(piece.data() + 3, end, byte, 16).ptr != end) return {};
  return byte;
}

Status check_vocab(const Vocab& vocab) {
  SYNFIRE_RETURN_IF_ERROR(check_counts(vocab));
  SYNFIRE_RETURN_IF_ERROR(check_scores(vocab));
  SYNFIRE_RETURN_IF_ERROR(check_bytes(vocab));
  SYNFIRE_RETURN_IF_ERROR(check_duplicates(vocab));
  return check_special_ids(vocab);
}

}  // namespace synfire
