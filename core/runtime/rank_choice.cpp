#include "core/runtime/rank_choice.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/sparsity/matrix_product.hpp"
#include "core/sparsity/score_calibration.hpp"

namespace synfire {

std::uint32_t cheapest_rank(const LowRank& fit, std::span<const float> x,
                            std::span<const float> gates, std::size_t d_ff, double recall,
                            const RankCost& cost) {
  constexpr std::size_t kStep = 32;  // a block of Q8_0, which b may become
  const std::size_t n = gates.size() / d_ff, d_model = x.size() / n;
  const std::size_t all = fit.b.size() / d_ff;
  const std::vector<float> inner = multiply_transposed(x, fit.a, d_model);
  const MatrixView hidden = MatrixView::of(inner, all), b = MatrixView::of(fit.b, all);
  std::vector<float> scores(gates.size());
  std::size_t best = all;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t rank = 0; rank < all;) {
    const std::size_t step = std::min(kStep, all - rank);
    add_product(hidden.some_cols(rank, step), b.some_cols(rank, step).transposed(), scores.data());
    rank += step;
    const double fixed = static_cast<double>(rank * cost.rank_bytes);
    if (fixed >= least) break;  // whatever it predicts
    const auto biases = calibrate_scores(scores, gates, d_ff, recall);
    const double bytes = fixed + measure_scores(scores, gates, biases).predicted *
                                     static_cast<double>(d_ff * cost.gate_bytes);
    if (bytes >= least) continue;
    least = bytes;
    best = rank;
  }
  return static_cast<std::uint32_t>(best);
}

}  // namespace synfire
