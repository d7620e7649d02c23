#include <unordered_map>
#include <unordered_set>

#include "core/model/convert/tokenizer_json.hpp"

namespace synfire::convert {
namespace {

// SentencePiece merges any neighbours that make a piece; a list merges the listed ones. They agree
// where every way of making a piece from two others is listed.
Status check_all_listed(const Vocab& vocab, const std::unordered_set<std::string_view>& pieces) {
  const std::unordered_set<std::string_view> listed(vocab.merges.begin(), vocab.merges.end());
  std::string merge;
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id) {
    if (vocab.types[id] != TokenType::normal) continue;
    const std::string_view piece = vocab.pieces[id];
    for (std::size_t at = 1; at < piece.size(); ++at) {
      if (!pieces.contains(piece.substr(0, at)) || !pieces.contains(piece.substr(at))) continue;
      merge.assign(piece.substr(0, at)).append(" ").append(piece.substr(at));
      if (!listed.contains(merge))
        return error(StatusCode::unimplemented,
                     "merges: '{}' is not among them, as in SentencePiece's it would", merge);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<float>> scores_of_merges(const Vocab& vocab) {
  std::unordered_map<std::string_view, std::size_t> ids;
  std::unordered_set<std::string_view> pieces;
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id) {
    ids.emplace(vocab.pieces[id], id);
    if (vocab.types[id] == TokenType::normal) pieces.insert(vocab.pieces[id]);
  }
  SYNFIRE_RETURN_IF_ERROR(check_all_listed(vocab, pieces));
  std::vector<float> scores(vocab.pieces.size(), 0.0F);
  std::vector<bool> ranked(vocab.pieces.size(), false);
  std::size_t last = vocab.pieces.size();  // what the merge before makes
  for (std::size_t rank = 0; rank < vocab.merges.size(); ++rank) {
    std::string made = vocab.merges[rank];
    if (const std::size_t space = made.find(' '); space != made.npos) made.erase(space, 1);
    const auto found = ids.find(made);
    if (found == ids.end())
      return invalid_argument("merge '{}': makes no token", vocab.merges[rank]);
    // Merges into one piece must follow each other: it has one score.
    if (ranked[found->second] && found->second != last)
      return error(StatusCode::unimplemented, "merges into '{}' lie apart, as in no SentencePiece",
                   made);
    if (!ranked[found->second]) scores[found->second] = -static_cast<float>(rank + 1);
    ranked[found->second] = true;
    last = found->second;
  }
  return scores;
}

}  // namespace synfire::convert
