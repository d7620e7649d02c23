#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire::convert {

struct HfTokenizer {
  std::optional<Vocab> vocab;  // checked, with a token for each of n_vocab; absent: ids only
  std::string chat_template;   // "": none
  std::vector<std::string> warnings;
};

// The tokenizer of a Hugging Face folder: tokenizer.model, else tokenizer.json, else vocab.json
// with merges.txt; what tokenizer_config.json and generation_config.json say of its special tokens.
// Files that are wrong are errors; what Synfire does not have is a warning, and no vocabulary.
[[nodiscard]] Result<HfTokenizer> read_hf_tokenizer(const std::filesystem::path& folder,
                                                    std::uint32_t n_vocab);

}  // namespace synfire::convert
