#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/tokenizer/encode_options.hpp"
#include "core/model/tokenizer/encoder.hpp"
#include "core/model/tokenizer/piece_table.hpp"
#include "core/model/tokenizer/special_tokens.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire {

// Text to token ids and back, for one vocabulary.
//
// Immutable after create(): any thread may call. Holds no reference to the file it came from.
class Tokenizer {
 public:
  // Errors: INVALID_ARGUMENT where the parts do not fit together, UNIMPLEMENTED for an unknown
  // pre-tokenizer.
  static Result<std::unique_ptr<Tokenizer>> create(Vocab vocab);
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Time and memory grow in step with the text. What is not UTF-8 in it counts as U+FFFD. Names of
  // user-defined tokens are always these tokens, names of control tokens only with parse_special.
  // Errors: INVALID_ARGUMENT where the vocabulary has neither a token nor <unk> for something, or
  // where the text is too long (1 GiB).
  [[nodiscard]] Result<std::vector<std::int32_t>> encode(std::string_view text,
                                                         const EncodeOptions& options = {}) const;

  // The text of a whole sequence, always valid UTF-8. Control tokens are left out unless `special`.
  // OUT_OF_RANGE for an id outside of the vocabulary. For tokens one by one: StreamDecoder.
  [[nodiscard]] Result<std::string> decode(std::span<const std::int32_t> ids,
                                           bool special = false) const;

  // The bytes that one token stands for, maybe part of a character; a control token's name. Empty
  // for ids outside of the vocabulary. Lives as long as the tokenizer.
  [[nodiscard]] std::string_view piece(std::int32_t id) const { return pieces_.piece(id); }
  // Control or unknown: no text of its own.
  [[nodiscard]] bool is_special(std::int32_t id) const;
  // Control: what comes next is the beginning of a text.
  [[nodiscard]] bool begins_text(std::int32_t id) const;
  // eos, eot, eom, or a special token whose name says so.
  [[nodiscard]] bool is_end_of_generation(std::int32_t id) const;

  [[nodiscard]] std::size_t vocab_size() const { return pieces_.size(); }
  [[nodiscard]] std::optional<std::int32_t> bos() const { return bos_; }
  [[nodiscard]] std::optional<std::int32_t> eos() const { return eos_; }
  [[nodiscard]] bool adds_bos() const { return add_bos_; }
  [[nodiscard]] bool adds_eos() const { return add_eos_; }
  // Text gets a space in front before it is encoded, so decoding takes one away.
  [[nodiscard]] bool adds_space_prefix() const { return add_space_prefix_; }

 private:
  Tokenizer(const Vocab& vocab, std::unique_ptr<Encoder> encoder);

  [[nodiscard]] bool has_type(std::int32_t id, TokenType type) const;
  Status encode_parts(std::string_view text, const EncodeOptions& options,
                      std::vector<std::int32_t>& ids) const;
  Status encode_text(std::string_view text, bool at_start, std::vector<std::int32_t>& ids,
                     EncodeWork& work) const;

  PieceTable pieces_;
  SpecialTokens special_tokens_;
  std::unique_ptr<Encoder> encoder_;
  std::vector<TokenType> types_;          // [vocab_size]
  std::vector<std::int32_t> end_tokens_;  // sorted
  std::optional<std::int32_t> bos_, eos_;
  bool add_bos_, add_eos_, add_space_prefix_;
};

}  // namespace synfire
