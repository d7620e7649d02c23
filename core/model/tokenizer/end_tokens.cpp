#include "core/model/tokenizer/end_tokens.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace synfire {
namespace {

constexpr std::array<std::string_view, 12> kEndTexts{
    "</s>",       "<|endoftext|>",   "<|im_end|>",    "<|eot_id|>",
    "<|eom_id|>", "<|end_of_text|>", "<|end|>",       "<end_of_turn>",
    "<EOT>",      "<|end_of_turn|>", "<|endofturn|>", "<｜end▁of▁sentence｜>",
};

// A normal token of such a text, as "</s>" in HTML, is just text.
bool is_end_text(const Vocab& vocab, std::size_t id) {
  const TokenType type = vocab.types[id];
  if (type != TokenType::control && type != TokenType::user_defined) return false;
  return std::ranges::find(kEndTexts, vocab.pieces[id]) != kEndTexts.end();
}

}  // namespace

std::vector<std::int32_t> find_end_tokens(const Vocab& vocab) {
  std::vector<std::int32_t> ids;
  for (const auto& id : {vocab.eos, vocab.eot, vocab.eom})
    if (id) ids.push_back(*id);
  for (std::size_t id = 0; id < vocab.pieces.size(); ++id)
    if (is_end_text(vocab, id)) ids.push_back(static_cast<std::int32_t>(id));
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace synfire
