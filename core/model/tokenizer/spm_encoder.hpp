#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/model/tokenizer/encoder.hpp"
#include "core/model/tokenizer/flat_map.hpp"
#include "core/model/tokenizer/string_map.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire {

// SentencePiece's BPE: of all neighbours that form a token, those with the best score merge first.
// Characters that are no token become the tokens of their bytes, or <unk>.
//
// Immutable; any thread may call. Keeps nothing of the vocabulary that it is made from.
class SpmEncoder final : public Encoder {
 public:
  explicit SpmEncoder(const Vocab& vocab);  // checked

  // A space in the text is what the vocabulary writes as U+2581.
  Status encode(std::string_view text, std::vector<std::int32_t>& ids,
                EncodeWork& work) const override;

 private:
  class Session;  // one text being encoded

  struct Token {
    std::int32_t id;
    std::uint32_t rank;  // of its score: 0 is the best; equal scores have equal ranks
    bool is_unused;      // merges pass through it, but in the end it is taken apart again
  };

  [[nodiscard]] const Token* find_token(std::string_view piece) const;
  // Whether some token holds the characters `left` and `right` side by side. Where none does,
  // nothing ever merges across, and both sides are encoded each for itself.
  [[nodiscard]] bool may_join(std::string_view left, std::string_view right) const;

  StringMap<Token> tokens_;  // those that text can become
  std::size_t max_piece_bytes_ = 0;
  FlatMap<bool> char_pairs_;
  std::array<std::int32_t, 256> byte_ids_;  // -1: none
  std::int32_t unk_;                        // -1: none
};

}  // namespace synfire
