#pragma once

#include <span>
#include <string_view>

namespace synfire {

// How a byte-level BPE vocabulary wants its text split before anything merges.
struct PreTokenizerInfo {
  std::string_view name;  // as in tokenizer.ggml.pre
  // Each splits all pieces that the ones before left: every match is a piece, and so is what lies
  // between matches. PCRE2 syntax, UTF and UCP on; `\z` is the end of a piece. Anchored searches
  // from every position must stay linear in all, see `kTrailingSpace`.
  std::span<const std::string_view> patterns;
  bool ignores_merges = false;  // a piece that is a token is not built from merges
  bool adds_bos = false;        // where the file does not say
};

// By name or alias; null when unknown.
const PreTokenizerInfo* find_pre_tokenizer(std::string_view name);

// For error messages and tests; without aliases.
std::span<const PreTokenizerInfo> pre_tokenizers();

}  // namespace synfire
