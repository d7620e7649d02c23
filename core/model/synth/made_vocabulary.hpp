#pragma once

#include <cstdint>

#include "core/model/gguf_header.hpp"

namespace synfire::synth {

// The least vocabulary that can hold control tokens, all bytes, and a piece for each letter.
inline constexpr std::uint32_t kLeastVocabulary = 512;

// A SentencePiece-style vocabulary of `n_vocab` made-up pieces ("ka", "▁mote"), so that text goes
// in and comes out of a synthetic model in every GGUF engine. Nothing for fewer than
// kLeastVocabulary tokens: such a model takes ids alone.
void set_vocabulary(GgufHeader& header, std::uint32_t n_vocab);

}  // namespace synfire::synth
