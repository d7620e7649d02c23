#pragma once

#include "core/model/gguf_header.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire {

// Sets the keys that read_vocab() reads: the file then has this vocabulary.
void write_vocab(const Vocab& vocab, GgufHeader& header);

}  // namespace synfire
