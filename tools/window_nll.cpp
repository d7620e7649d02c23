#include "tools/window_nll.hpp"

#include <vector>

#include "core/runtime/sampling/logprobs.hpp"

namespace synfire::cli {

Result<double> window_nll(Engine& engine, std::span<const std::int32_t> window) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<float> logits, engine.logits(window));
  const std::size_t width = engine.model().n_vocab;
  double sum = 0;
  for (std::size_t t = 1; t < window.size(); ++t) {
    const auto row = std::span<const float>(logits).subspan((t - 1) * width, width);
    SYNFIRE_ASSIGN_OR_RETURN(const double nll, negative_log_likelihood(row, window[t]));
    sum += nll;
  }
  return sum;
}

}  // namespace synfire::cli
