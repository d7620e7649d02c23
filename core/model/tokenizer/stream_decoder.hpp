#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace synfire {

class Tokenizer;

// Token ids to text, one by one. What comes out so far is always whole characters: bytes of an
// unfinished one wait for the next token, and become U+FFFD once nothing can complete them.
//
// One thread. The tokenizer must outlive it.
class StreamDecoder {
 public:
  enum class Start {
    text,          // ids from the beginning of a text: without the space that encoding puts there
    continuation,  // ids that go on after some prompt: the first space is the text's own
  };

  // `special`: control tokens give their names; otherwise nothing.
  StreamDecoder(const Tokenizer& tokenizer, Start start, bool special = false);

  // The text that the token completes, maybe none. Ids outside of the vocabulary give none: a model
  // may have more logits than its tokenizer has tokens.
  [[nodiscard]] std::string push(std::int32_t id);
  // The rest, after the last token. The decoder is then as new, for a text that goes on.
  [[nodiscard]] std::string finish();

 private:
  [[nodiscard]] std::string_view visible_piece(std::int32_t id);
  [[nodiscard]] std::string take_characters();

  const Tokenizer& tokenizer_;
  bool special_;
  bool drop_space_;      // the next piece begins a text
  std::string pending_;  // the beginning of a character
};

}  // namespace synfire
