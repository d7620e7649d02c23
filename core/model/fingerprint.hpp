#pragma once

#include <cstdint>

#include "core/model/gguf_file.hpp"

namespace synfire {

// A checksum by which files that belong to a model know it again: of its hyperparameters, of names,
// dtypes and shapes of its tensors, and of a few bytes of each. The name of the file, its
// tokenizer and general.* keys may change.
[[nodiscard]] std::uint32_t model_fingerprint(const GgufFile& model);

}  // namespace synfire
