#include "core/model/tokenizer/special_tokens.hpp"

namespace synfire {
namespace {

bool is_control(TokenType type) { return type == TokenType::control || type == TokenType::unknown; }

bool is_special(TokenType type) { return is_control(type) || type == TokenType::user_defined; }

std::size_t special_bytes(const Vocab& vocab) {
  std::size_t bytes = 0;
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id)
    if (is_special(vocab.types[id])) bytes += vocab.pieces[id].size();
  return bytes;
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocab& vocab) : nodes_(1), edges_(special_bytes(vocab)) {
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id)
    if (is_special(vocab.types[id]) && !vocab.pieces[id].empty())
      insert(vocab.pieces[id], static_cast<std::int32_t>(id), is_control(vocab.types[id]));
}

void SpecialTokens::insert(std::string_view name, std::int32_t id, bool is_control_token) {
  std::uint32_t node = 0;
  for (const char c : name) {
    const std::uint64_t edge = std::uint64_t{node} << 8 | static_cast<std::uint8_t>(c);
    if (edges_.insert(edge, static_cast<std::uint32_t>(nodes_.size()))) nodes_.emplace_back();
    node = *edges_.find(edge);
  }
  nodes_[node] = {id, is_control_token};
  starts_token_[static_cast<std::uint8_t>(name.front())] = true;
}

std::optional<SpecialTokens::Match> SpecialTokens::match_at(std::string_view text,
                                                            std::size_t begin,
                                                            bool parse_control) const {
  std::optional<Match> longest;
  std::uint32_t node = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    const std::uint32_t* next =
        edges_.find(std::uint64_t{node} << 8 | static_cast<std::uint8_t>(text[at]));
    if (next == nullptr) break;
    node = *next;
    const Node& reached = nodes_[node];
    if (reached.id >= 0 && (parse_control || !reached.is_control))
      longest = Match{begin, at + 1, reached.id};
  }
  return longest;
}

std::optional<SpecialTokens::Match> SpecialTokens::find(std::string_view text, std::size_t from,
                                                        bool parse_control) const {
  for (std::size_t at = from; at < text.size(); ++at) {
    if (!starts_token_[static_cast<std::uint8_t>(text[at])]) continue;
    if (const auto match = match_at(text, at, parse_control)) return match;
  }
  return {};
}

}  // namespace synfire
