#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "core/model/tokenizer/tokenizer.hpp"
#include "core/model/tokenizer/vocab.hpp"

// Hand-made vocabularies, small enough to work out by hand what they must give.
namespace synfire::test {

// All 256 bytes (ids 0 to 255, in the byte alphabet), then one token per merge, then <|begin|>,
// <|im_end|> (control), <mark> (user-defined) and <|unk|> (unknown, but not declared as unk).
Vocab small_bpe(std::initializer_list<std::string_view> merges, std::string_view pre = "gpt-2");

// <unk> <s> </s>, the 256 byte tokens (ids 3 to 258), then `pieces` with the scores -1, -2, ...,
// which write a space as '_'.
Vocab small_spm(std::initializer_list<std::string_view> pieces);

// Adds a token and returns its id.
std::int32_t add_token(Vocab& vocab, std::string_view piece, TokenType type, float score = 0);

// The functions below throw std::runtime_error, which fails a test, instead of giving an error.

// The id of a piece as it is written in the vocabulary.
std::int32_t id_of(const Vocab& vocab, std::string_view piece);

std::unique_ptr<Tokenizer> make_tokenizer(const Vocab& vocab);

// Of a GGUF file.
std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& path);

// The pieces that a text becomes, without bos: "ab|c".
std::string pieces_of(const Tokenizer& tokenizer, std::string_view text,
                      bool parse_special = false);

}  // namespace synfire::test
