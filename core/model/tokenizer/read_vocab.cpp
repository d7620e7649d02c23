#include "core/model/tokenizer/read_vocab.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "core/model/tokenizer/pre_tokenizer_table.hpp"
#include "core/model/tokenizer/vocab_keys.hpp"

namespace synfire {
namespace {

using namespace vocab_keys;

Result<VocabModel> read_model(const GgufFile& file) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto name, file.get<std::string_view>(kModel));
  if (name == "llama") return VocabModel::llama;
  if (name == "gpt2") return VocabModel::gpt2;
  return error(StatusCode::unimplemented, "{}: key {}: '{}', want 'llama' or 'gpt2'", file.path(),
               kModel, name);
}

Result<std::vector<TokenType>> read_types(const GgufFile& file, const Vocab& vocab) {
  // Only a byte-level vocabulary is usable without types: nothing in it is special then.
  if (vocab.model == VocabModel::gpt2 && file.find(kTypes) == nullptr)
    return std::vector<TokenType>(vocab.pieces.size(), TokenType::normal);
  SYNFIRE_ASSIGN_OR_RETURN(const auto numbers, file.get<std::vector<std::int32_t>>(kTypes));
  std::vector<TokenType> types;
  types.reserve(numbers.size());
  for (const std::int32_t number : numbers) {
    if (number < 0 || number > static_cast<std::int32_t>(TokenType::byte))
      return invalid_argument("{}: key {}: element {}: {}, want 0 to 6", file.path(), kTypes,
                              types.size(), number);
    types.push_back(static_cast<TokenType>(number));
  }
  return types;
}

Status read_ids(const GgufFile& file, Vocab& vocab) {
  if (vocab.model == VocabModel::llama && vocab.pieces.size() > 2) {
    // What SentencePiece assigns where nobody says otherwise.
    vocab.unk = 0;
    vocab.bos = 1;
    vocab.eos = 2;
  }
  for (const IdKey& entry : kIds) {
    if (file.find(entry.key) == nullptr) continue;
    SYNFIRE_ASSIGN_OR_RETURN(vocab.*entry.id, file.get<std::int32_t>(entry.key));
  }
  return {};
}

Status read_flags(const GgufFile& file, Vocab& vocab) {
  const bool is_llama = vocab.model == VocabModel::llama;
  const PreTokenizerInfo* pre = find_pre_tokenizer(vocab.pre);
  const bool adds_bos = is_llama || (pre != nullptr && pre->adds_bos && vocab.bos);
  SYNFIRE_ASSIGN_OR_RETURN(vocab.add_bos, file.get_or(kAddBos, adds_bos));
  SYNFIRE_ASSIGN_OR_RETURN(vocab.add_eos, file.get_or(kAddEos, false));
  SYNFIRE_ASSIGN_OR_RETURN(const bool prefix, file.get_or(kAddSpacePrefix, is_llama));
  vocab.add_space_prefix = is_llama && prefix;
  return {};
}

Status read_model_part(const GgufFile& file, Vocab& vocab) {
  if (vocab.model == VocabModel::llama) {
    SYNFIRE_ASSIGN_OR_RETURN(vocab.scores, file.get<std::vector<float>>(kScores));
    return {};
  }
  SYNFIRE_ASSIGN_OR_RETURN(vocab.pre, file.get_or(kPre, std::string("default")));
  SYNFIRE_ASSIGN_OR_RETURN(vocab.merges, file.get<std::vector<std::string>>(kMerges));
  return {};
}

}  // namespace

Result<Vocab> read_vocab(const GgufFile& file) {
  Vocab vocab;
  SYNFIRE_ASSIGN_OR_RETURN(vocab.model, read_model(file));
  SYNFIRE_ASSIGN_OR_RETURN(vocab.pieces, file.get<std::vector<std::string>>(kTokens));
  SYNFIRE_ASSIGN_OR_RETURN(vocab.types, read_types(file, vocab));
  SYNFIRE_RETURN_IF_ERROR(read_model_part(file, vocab));
  SYNFIRE_RETURN_IF_ERROR(read_ids(file, vocab));
  SYNFIRE_RETURN_IF_ERROR(read_flags(file, vocab));
  if (Status status = check_vocab(vocab); !status.ok()) return status.with_context(file.path());
  return vocab;
}

}  // namespace synfire
