#pragma once

#include <cstdint>

namespace synfire {

// What an encoding cost, counted: how tests see that it grows in step with the text.
struct EncodeWork {
  std::uint64_t lookups = 0;      // of a pair of symbols in the vocabulary
  std::uint64_t comparisons = 0;  // of two entries in the queue of merges
};

}  // namespace synfire
