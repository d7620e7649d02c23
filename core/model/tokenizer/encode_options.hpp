#pragma once

#include <optional>

#include "core/model/tokenizer/encode_work.hpp"

namespace synfire {

struct EncodeOptions {
  std::optional<bool> add_bos;  // absent: as the vocabulary says
  std::optional<bool> add_eos;  // absent: as the vocabulary says
  bool parse_special = false;   // take the names of control tokens in the text as these tokens
  EncodeWork* work = nullptr;   // counts are added here
};

}  // namespace synfire
