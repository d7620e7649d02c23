#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace synfire::cli {

// Least bytes that decoding one token of one sequence reads, with a dense FFN: each weight once,
// one row of the embedding, and the KV cache of the positions before it.
struct TokenBytes {
  double attention = 0;  // and norms
  double ffn = 0;        // all neurons
  double head = 0;       // final norm and output matrix
  double embedding = 0;  // one row
  double kv_per_position = 0;

  [[nodiscard]] double at_depth(double positions) const {
    return attention + ffn + head + embedding + kv_per_position * positions;
  }
};

// From the program of a model file, with a KV cache of `kv_dtype` (f32, f16 or q8_0).
[[nodiscard]] Result<TokenBytes> count_token_bytes(const std::filesystem::path& model,
                                                   const std::string& ffn_activation,
                                                   const std::string& kv_dtype);

}  // namespace synfire::cli
