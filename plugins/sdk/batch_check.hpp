#pragma once

#include <cstdint>
#include <string>

#include "plugins/abi/synfire_backend.h"
#include "plugins/sdk/error.hpp"

namespace synfire::sdk {

// Checks that the indices within a batch stay within it, and its size within what a stage was made
// for. (Token ids and positions are the kernels' to check: they know the vocabulary and the
// blocks.)
inline void check_batch(const std::string& where, const sf_batch& batch, std::uint32_t max_tokens) {
  const auto want = [&](bool good, const char* what, std::uint64_t got, const char* bound,
                        std::uint64_t wanted) {
    if (!good)
      throw Error(kInvalidArgument, where + ": batch: " + what + " " + std::to_string(got) +
                                        ", want " + bound + " " + std::to_string(wanted));
  };
  want(batch.n_tokens <= max_tokens, "n_tokens", batch.n_tokens, "at most", max_tokens);
  want(batch.n_wanted <= batch.n_tokens, "n_wanted", batch.n_wanted, "at most", batch.n_tokens);
  for (std::uint32_t t = 0; t < batch.n_tokens; ++t)
    want(batch.sequences[t] < batch.n_sequences, "sequence", batch.sequences[t], "less than",
         batch.n_sequences);
  for (std::uint32_t i = 0; i < batch.n_wanted; ++i)
    want(batch.wanted[i] < batch.n_tokens, "wanted token", batch.wanted[i], "less than",
         batch.n_tokens);
}

}  // namespace synfire::sdk
