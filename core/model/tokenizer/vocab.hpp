#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.hpp"

namespace synfire {

enum class VocabModel {
  llama,  // SentencePiece-style: scores decide merges, unknown characters fall back to bytes
  gpt2,   // byte-level BPE: a pre-tokenizer splits the text, a list of merges does the rest
};

// The numbers are GGUF's tokenizer.ggml.token_type.
enum class TokenType : std::uint8_t {
  undefined = 0,
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6,
};

// What SentencePiece writes for a space: U+2581.
inline constexpr std::string_view kSentencePieceSpace = "\xE2\x96\x81";

// The tokenizer part of a model's metadata, as plain data. Where a field is not about tokens,
// its default is what a file without the key means.
struct Vocab {
  VocabModel model = VocabModel::llama;
  std::string pre = "default";      // name of the pre-tokenizer; gpt2 only
  std::vector<std::string> pieces;  // [n_vocab]
  std::vector<float> scores;        // [n_vocab]; llama only
  std::vector<TokenType> types;     // [n_vocab]
  std::vector<std::string> merges;  // "left right", the first one is applied first; gpt2 only
  std::optional<std::int32_t> bos, eos, eot, eom, unk, pad;
  bool add_bos = false;
  bool add_eos = false;
  bool add_space_prefix = false;  // llama only
};

// The byte that a piece of TokenType::byte names: 10 for "<0x0A>". Nothing for another form.
std::optional<std::uint8_t> named_byte(std::string_view piece);

// Whether the parts fit together: counts, ranges, duplicates. Merges are checked when used.
Status check_vocab(const Vocab& vocab);

}  // namespace synfire
