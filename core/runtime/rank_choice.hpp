#pragma once

#include <cstdint>
#include <span>

#include "core/sparsity/matrix_math.hpp"

namespace synfire {

// What an svd predictor of a layer costs a token, and what it saves.
struct RankCost {
  std::uint64_t rank_bytes;  // of each direction: a row of a, a column of b
  std::uint64_t gate_bytes;  // of each predicted neuron's gate, which is computed to be sure
};

// The widest that is tried where nobody names a rank.
inline constexpr std::uint32_t kMaxChosenRank = 256;

// The rank, among multiples of 32 up to the fit's own, that reads least for a token at that recall:
// more directions cost bytes, and predict fewer neurons that do not fire. `x` [n, d_model] are
// inputs, `gates` [n, d_ff] theirs.
[[nodiscard]] std::uint32_t cheapest_rank(const LowRank& fit, std::span<const float> x,
                                          std::span<const float> gates, std::size_t d_ff,
                                          double recall, const RankCost& cost);

}  // namespace synfire
