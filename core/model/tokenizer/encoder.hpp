#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/status.hpp"
#include "core/model/tokenizer/encode_work.hpp"

namespace synfire {

// Turns text without special tokens into token ids: one implementation per VocabModel.
//
// Immutable; any thread may call.
class Encoder {
 public:
  virtual ~Encoder() = default;

  // Appends the ids of `text`, which is valid UTF-8 of less than 2 GiB.
  virtual Status encode(std::string_view text, std::vector<std::int32_t>& ids,
                        EncodeWork& work) const = 0;
};

}  // namespace synfire
