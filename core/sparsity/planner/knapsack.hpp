#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace synfire {

struct KnapsackItem {
  double value = 0;  // more than 0
  std::uint64_t bytes = 0;
};

// Which items to take so that their bytes fit and their values sum to the most: branch and bound,
// the most valuable for a byte first, with what would fit if the last one could be cut as the
// bound. Looks at no more than `max_nodes` choices, so of many items the answer may be short of the
// best.
[[nodiscard]] std::vector<bool> fill_knapsack(const std::vector<KnapsackItem>& items,
                                              std::uint64_t capacity, std::size_t max_nodes);

}  // namespace synfire
