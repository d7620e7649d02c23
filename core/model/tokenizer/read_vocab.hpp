#pragma once

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire {

// The vocabulary in the tokenizer.ggml.* keys of a file, checked. It owns its text, so the file may
// be closed. Errors name the file. UNIMPLEMENTED for tokenizer models other than llama and gpt2.
Result<Vocab> read_vocab(const GgufFile& file);

}  // namespace synfire
