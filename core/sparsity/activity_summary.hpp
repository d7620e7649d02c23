#pragma once

#include <cstdint>
#include <vector>

#include "core/sparsity/activity_stats.hpp"

namespace synfire {

// Counts of neurons, the hottest first.
[[nodiscard]] std::vector<std::uint64_t> hottest_first(const ActivityStats& stats);
// Of all activations, those by the hottest `share` of the neurons; 0 where nothing fired.
[[nodiscard]] double hot_coverage(const std::vector<std::uint64_t>& hottest_first, double share);

// A layer in a few numbers.
struct ActivitySummary {
  double active = 0;         // of the neurons, per token
  double overlap = 0;        // of what fires, what fired for the token before too
  double hottest_fifth = 0;  // of all activations, those by the hottest 20 % of the neurons
  double in_run = 0;         // of the neurons, those that fire within 64 tokens
  double once_in_run = 0;    // of these, those that fire once only
  std::uint64_t never = 0;   // neurons that never fired
  std::uint64_t once = 0;    // neurons that fired for one token of all
};
[[nodiscard]] ActivitySummary summarize(const ActivityStats& stats, std::uint64_t n_tokens);

}  // namespace synfire
