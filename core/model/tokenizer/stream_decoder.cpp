#include "core/model/tokenizer/stream_decoder.hpp"

#include <utility>

#include "core/model/tokenizer/tokenizer.hpp"
#include "core/model/tokenizer/utf8.hpp"

namespace synfire {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, Start start, bool special)
    : tokenizer_(tokenizer),
      special_(special),
      drop_space_(start == Start::text && tokenizer.adds_space_prefix()) {}

std::string StreamDecoder::push(std::int32_t id) {
  pending_ += visible_piece(id);
  return take_characters();
}

std::string StreamDecoder::finish() { return utf8::replace_invalid(std::exchange(pending_, {})); }

std::string_view StreamDecoder::visible_piece(std::int32_t id) {
  std::string_view piece = tokenizer_.piece(id);
  if (tokenizer_.begins_text(id))
    drop_space_ = tokenizer_.adds_space_prefix();
  else if (std::exchange(drop_space_, false) && piece.starts_with(' '))
    piece.remove_prefix(1);
  return tokenizer_.is_special(id) && !special_ ? std::string_view() : piece;
}

std::string StreamDecoder::take_characters() {
  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const utf8::Step next = utf8::step(rest);
    if (next.kind == utf8::StepKind::incomplete) break;
    text +=
        next.kind == utf8::StepKind::character ? rest.substr(0, next.bytes) : utf8::kReplacement;
    rest.remove_prefix(next.bytes);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text;
}

}  // namespace synfire
