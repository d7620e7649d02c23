#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire::convert {

struct SentencePieceModel {
  Vocab vocab;  // of VocabModel::llama; not checked
  std::vector<std::string> warnings;
};

// Reads a tokenizer.model, SentencePiece's ModelProto (sentencepiece_model.proto of
// https://github.com/google/sentencepiece). UNIMPLEMENTED unless it is of BPE.
[[nodiscard]] Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes);

}  // namespace synfire::convert
