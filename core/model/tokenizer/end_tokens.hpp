#pragma once

#include <cstdint>
#include <vector>

#include "core/model/tokenizer/vocab.hpp"

namespace synfire {

// The tokens that end a generation, sorted: those that the file names as such, and special tokens
// whose text is known to mean the end (files tend to name only one of several).
std::vector<std::int32_t> find_end_tokens(const Vocab& vocab);

}  // namespace synfire
