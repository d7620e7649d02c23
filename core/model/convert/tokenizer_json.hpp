#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/convert/json_object.hpp"
#include "core/model/tokenizer/vocab.hpp"

namespace synfire::convert {

// Reads a tokenizer.json of Hugging Face's tokenizers: BPE over bytes with a pre-tokenizer that
// Synfire has, or BPE that was SentencePiece's. `pieces` has a hole ("") where no token has the id.
// UNIMPLEMENTED, with the part's name, for everything else.
[[nodiscard]] Result<Vocab> parse_tokenizer_json(const JsonObject& file,
                                                 std::vector<std::string>& warnings);

// The name of the pre-tokenizer in Synfire's table whose splits are those of the JSON's part
// `pre_tokenizer`.
[[nodiscard]] Result<std::string> pre_tokenizer_name(const JsonObject& file);

// Scores with which SentencePiece's way of merging does what the list of merges says: of each
// piece, minus the rank of the first merge that makes it. UNIMPLEMENTED where no scores would.
[[nodiscard]] Result<std::vector<float>> scores_of_merges(const Vocab& vocab);

}  // namespace synfire::convert
