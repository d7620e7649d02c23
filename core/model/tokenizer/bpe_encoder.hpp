#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/tokenizer/encoder.hpp"
#include "core/model/tokenizer/flat_map.hpp"
#include "core/model/tokenizer/merger.hpp"
#include "core/model/tokenizer/pre_tokenizer.hpp"
#include "core/model/tokenizer/string_map.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire {

// Byte-level BPE (GPT-2): the pre-tokenizer's pieces as bytes, merged in the order of the list.
//
// Immutable; any thread may call. Keeps nothing of the vocabulary that it is made from.
class BpeEncoder final : public Encoder {
 public:
  static Result<std::unique_ptr<Encoder>> create(const Vocab& vocab);

  Status encode(std::string_view text, std::vector<std::int32_t>& ids,
                EncodeWork& work) const override;

  // What Merger asks.
  [[nodiscard]] std::optional<Merge> find(const Symbol& left, const Symbol& right) const;

 private:
  BpeEncoder(PreTokenizer pre_tokenizer, std::size_t merge_count);

  void read_tokens(const Vocab& vocab);
  Status read_merges(const Vocab& vocab);
  [[nodiscard]] bool append_whole(std::string_view piece, std::vector<std::int32_t>& ids) const;
  Status link_bytes(std::string_view piece, std::vector<Symbol>& symbols) const;

  PreTokenizer pre_tokenizer_;
  std::array<std::int32_t, 256> byte_ids_{};  // -1: neither a token nor <unk>
  FlatMap<Merge> merges_;                     // by the ids of both sides
  // Of the bytes that a token stands for; filled only where pieces ignore merges.
  StringMap<std::int32_t> whole_tokens_;
};

}  // namespace synfire
