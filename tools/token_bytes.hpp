#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace synfire::cli {

// Least bytes that decoding one token of each of some sequences reads, by what they are for: every
// weight once, a row of the embedding for each sequence, and the KV cache of the positions before.
struct TokenBytes {
  double attention = 0;  // and norms
  double predictor = 0;
  double ffn = 0;        // of all neurons, or of those that were counted
  double head = 0;       // final norm and output matrix
  double embedding = 0;  // of all sequences
  double kv = 0;         // likewise

  [[nodiscard]] double total() const { return attention + predictor + ffn + head + embedding + kv; }
};

// For one sequence whose KV cache holds `positions`, from the program of a model file: all neurons,
// no predictor. `kv_dtype`: f32, f16 or q8_0.
[[nodiscard]] Result<TokenBytes> count_token_bytes(const std::filesystem::path& model,
                                                   const std::string& ffn_activation,
                                                   const std::string& kv_dtype, double positions);

}  // namespace synfire::cli
