#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace synfire {

// Part of a text: [begin, end) in bytes.
struct TextRange {
  std::uint32_t begin, end;
};

// Splits text into the pieces that byte-level BPE merges within.
//
// Immutable after create(): any thread may split.
class PreTokenizer {
 public:
  // `name` as in tokenizer.ggml.pre.
  static Result<PreTokenizer> create(std::string_view name);
  ~PreTokenizer();
  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;

  // Of `text`, valid UTF-8 of less than 2 GiB: non-empty pieces in order that cover it all.
  [[nodiscard]] Result<std::vector<TextRange>> split(std::string_view text) const;

  // A piece that is a token as it stands is that token, whatever the merges say.
  [[nodiscard]] bool ignores_merges() const { return ignores_merges_; }

 private:
  class Pattern;  // wraps PCRE2

  PreTokenizer(std::vector<Pattern> patterns, bool ignores_merges);

  std::vector<Pattern> patterns_;
  bool ignores_merges_;
};

}  // namespace synfire
