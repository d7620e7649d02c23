#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/base/result.hpp"

namespace synfire {

struct TokenLogprobs {
  double chosen = 0;                                 // natural log
  std::vector<std::pair<std::int32_t, double>> top;  // best first; of equals the lower id
};

// Log-probabilities of token `id` and of the `top` best, by log-softmax of the logits as the model
// gave them. INTERNAL when a logit is NaN or infinite; INVALID_ARGUMENT for an id outside them.
[[nodiscard]] Result<TokenLogprobs> log_probabilities(std::span<const float> logits,
                                                      std::int32_t id, std::uint32_t top);

// Negative log-likelihood of token `id`, for perplexity: -log_probabilities(logits, id, 0).chosen.
[[nodiscard]] Result<double> negative_log_likelihood(std::span<const float> logits,
                                                     std::int32_t id);

}  // namespace synfire
