#pragma once

#include <cstdint>
#include <vector>

#include "core/base/logit_bias.hpp"
#include "core/base/status.hpp"

namespace synfire {

// How the next token is chosen from its logits; sampler.hpp says in which order the fields act.
struct SamplingParams {
  double temperature =
      0;  // 0 = greedy: the best logit; top_k, top_p, min_p and seed then say nothing
  std::uint32_t top_k = 40;  // keep the k best; 0 = all
  double top_p = 0.95;       // keep the fewest best whose probabilities reach p; 1 = all
  double min_p = 0.05;       // drop those less probable than min_p times the best; 0 = none
  double repeat_penalty =
      1;  // divides positive logits of tokens seen, multiplies negative ones; 1 = off
  double presence_penalty = 0;   // taken from the logit of every token seen
  double frequency_penalty = 0;  // taken once per time seen
  std::uint32_t penalty_window =
      0;  // "seen" means in the last N tokens, prompt included; 0 = in all
  std::vector<LogitBias> logit_bias;
  std::uint64_t seed = 0;

  // INVALID_ARGUMENT "temperature: -1, want ...": the text starts with the field's name.
  [[nodiscard]] Status validate(std::uint32_t n_vocab) const;

  friend bool operator==(const SamplingParams&, const SamplingParams&) = default;
};

}  // namespace synfire
