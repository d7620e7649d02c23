#include "core/runtime/sampling/logprobs.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/runtime/sampling/candidates.hpp"
#include "core/runtime/sampling/portable_exp.hpp"

namespace synfire {
namespace {

Status check(std::span<const float> logits, std::int32_t id) {
  if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) {
    return invalid_argument("token: {}, want an id below {}", id, logits.size());
  }
  return check_finite(logits);
}

// log of the sum of e^logit, without overflow.
double log_sum_exp(std::span<const float> logits) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += portable_exp(logit - max);
  return max + std::log(sum);
}

}  // namespace

Result<TokenLogprobs> log_probabilities(std::span<const float> logits, std::int32_t id,
                                        std::uint32_t top) {
  SYNFIRE_RETURN_IF_ERROR(check(logits, id));
  const double norm = log_sum_exp(logits);
  TokenLogprobs result;
  result.chosen = logits[static_cast<std::size_t>(id)] - norm;
  if (top == 0) return result;
  std::vector<Candidate> candidates;
  fill_candidates(logits, candidates);
  const auto count = static_cast<std::ptrdiff_t>(std::min<std::size_t>(top, candidates.size()));
  std::partial_sort(candidates.begin(), candidates.begin() + count, candidates.end(), better);
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const Candidate& candidate = candidates[static_cast<std::size_t>(i)];
    result.top.emplace_back(candidate.id, candidate.logit - norm);
  }
  return result;
}

Result<double> negative_log_likelihood(std::span<const float> logits, std::int32_t id) {
  SYNFIRE_RETURN_IF_ERROR(check(logits, id));
  return log_sum_exp(logits) - logits[static_cast<std::size_t>(id)];
}

}  // namespace synfire
