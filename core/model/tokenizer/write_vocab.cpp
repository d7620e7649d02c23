#include "core/model/tokenizer/write_vocab.hpp"

#include "core/model/tokenizer/vocab_keys.hpp"

namespace synfire {

using namespace vocab_keys;

void write_vocab(const Vocab& vocab, GgufHeader& header) {
  const bool is_llama = vocab.model == VocabModel::llama;
  header.set(kModel, is_llama ? "llama" : "gpt2");
  header.set(kPre, vocab.pre);
  header.set(kTokens, vocab.pieces);
  if (is_llama) header.set(kScores, vocab.scores);
  std::vector<std::int32_t> types;
  for (const TokenType type : vocab.types) types.push_back(static_cast<std::int32_t>(type));
  header.set(kTypes, types);
  if (!is_llama) header.set(kMerges, vocab.merges);
  for (const IdKey& entry : kIds)
    if (const auto id = vocab.*entry.id) header.set(entry.key, static_cast<std::uint32_t>(*id));
  header.set(kAddBos, vocab.add_bos);
  header.set(kAddEos, vocab.add_eos);
  if (is_llama) header.set(kAddSpacePrefix, vocab.add_space_prefix);
}

}  // namespace synfire
