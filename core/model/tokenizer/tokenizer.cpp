#include "core/model/tokenizer/tokenizer.hpp"

#include <algorithm>
#include <utility>

#include "core/model/tokenizer/bpe_encoder.hpp"
#include "core/model/tokenizer/end_tokens.hpp"
#include "core/model/tokenizer/spm_encoder.hpp"
#include "core/model/tokenizer/stream_decoder.hpp"
#include "core/model/tokenizer/utf8.hpp"

namespace synfire {
namespace {

// Positions are 32-bit, and a space may become three bytes, as may an invalid byte.
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

Result<std::unique_ptr<Encoder>> make_encoder(const Vocab& vocab) {
  if (vocab.model == VocabModel::gpt2) return BpeEncoder::create(vocab);
  return std::unique_ptr<Encoder>(std::make_unique<SpmEncoder>(vocab));
}

}  // namespace

Tokenizer::Tokenizer(const Vocab& vocab, std::unique_ptr<Encoder> encoder)
    : pieces_(vocab),
      special_tokens_(vocab),
      encoder_(std::move(encoder)),
      types_(vocab.types),
      end_tokens_(find_end_tokens(vocab)),
      bos_(vocab.bos),
      eos_(vocab.eos),
      add_bos_(vocab.add_bos),
      add_eos_(vocab.add_eos),
      add_space_prefix_(vocab.model == VocabModel::llama && vocab.add_space_prefix) {}

Result<std::unique_ptr<Tokenizer>> Tokenizer::create(Vocab vocab) {
  SYNFIRE_RETURN_IF_ERROR(check_vocab(vocab));
  SYNFIRE_ASSIGN_OR_RETURN(std::unique_ptr<Encoder> encoder, make_encoder(vocab));
  return std::unique_ptr<Tokenizer>(new Tokenizer(vocab, std::move(encoder)));
}

Result<std::vector<std::int32_t>> Tokenizer::encode(std::string_view text,
                                                    const EncodeOptions& options) const {
  const bool add_bos = options.add_bos.value_or(add_bos_);
  const bool add_eos = options.add_eos.value_or(add_eos_);
  if (text.size() > kMaxTextBytes)
    return invalid_argument("text: {} bytes, want at most {}", text.size(), kMaxTextBytes);
  if (add_bos && !bos_) return invalid_argument("add_bos: this vocabulary has no bos token");
  if (add_eos && !eos_) return invalid_argument("add_eos: this vocabulary has no eos token");
  std::vector<std::int32_t> ids;
  if (add_bos) ids.push_back(*bos_);
  SYNFIRE_RETURN_IF_ERROR(utf8::is_valid(text)
                              ? encode_parts(text, options, ids)
                              : encode_parts(utf8::replace_invalid(text), options, ids));
  if (add_eos) ids.push_back(*eos_);
  return ids;
}

// A space prefix goes where text begins: at the very start, and after each control token.
Status Tokenizer::encode_parts(std::string_view text, const EncodeOptions& options,
                               std::vector<std::int32_t>& ids) const {
  EncodeWork ignored;
  EncodeWork& work = options.work != nullptr ? *options.work : ignored;
  bool at_start = true;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto special = special_tokens_.find(text, at, options.parse_special);
    const std::size_t end = special ? special->begin : text.size();
    const bool is_text_next = special && !begins_text(special->id);
    if (end > at || (at_start && is_text_next)) {
      SYNFIRE_RETURN_IF_ERROR(encode_text(text.substr(at, end - at), at_start, ids, work));
      at_start = false;
    }
    if (!special) break;
    ids.push_back(special->id);
    at_start = begins_text(special->id);
    at = special->end;
  }
  return {};
}

Status Tokenizer::encode_text(std::string_view text, bool at_start, std::vector<std::int32_t>& ids,
                              EncodeWork& work) const {
  if (!at_start || !add_space_prefix_) return encoder_->encode(text, ids, work);
  return encoder_->encode(std::string(" ").append(text), ids, work);
}

Result<std::string> Tokenizer::decode(std::span<const std::int32_t> ids, bool special) const {
  StreamDecoder decoder(*this, StreamDecoder::Start::text, special);
  std::string text;
  for (const std::int32_t id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocab_size())
      return error(StatusCode::out_of_range, "token id {}: want 0 to {}", id, vocab_size() - 1);
    text += decoder.push(id);
  }
  return text + decoder.finish();
}

bool Tokenizer::has_type(std::int32_t id, TokenType type) const {
  const auto i = static_cast<std::size_t>(id);
  return id >= 0 && i < types_.size() && types_[i] == type;
}

bool Tokenizer::is_special(std::int32_t id) const {
  return has_type(id, TokenType::control) || has_type(id, TokenType::unknown);
}

bool Tokenizer::begins_text(std::int32_t id) const { return has_type(id, TokenType::control); }

bool Tokenizer::is_end_of_generation(std::int32_t id) const {
  return std::ranges::binary_search(end_tokens_, id);
}

}  // namespace synfire
