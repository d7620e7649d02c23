#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/status.hpp"
#include "core/runtime/sampling/sampling_params.hpp"

// The stages of sampling as functions over the tokens that may still be chosen.
namespace synfire {

struct Candidate {
  std::int32_t id = 0;
  double logit = 0;
  double weight = 0;  // e^((logit - best logit) / temperature), 1 for the best; once weighed
};

// Higher logit first; of equals the lower id.
[[nodiscard]] inline bool better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// INTERNAL names the first token whose logit is NaN or infinite.
[[nodiscard]] Status check_finite(std::span<const float> logits);

// By id, logits as they are.
void fill_candidates(std::span<const float> logits, std::vector<Candidate>& candidates);

// Before any candidate is dropped. Repetition: positive logits are divided, others multiplied
// (CTRL, arXiv 1909.05858). Presence and frequency: logit -= presence + times_seen * frequency
// (OpenAI's API). `seen` is scratch, zero before and after. Ids of `sequence` outside the
// vocabulary are passed over.
void apply_penalties(const SamplingParams& params, std::span<const std::int32_t> sequence,
                     std::vector<std::uint32_t>& seen, std::span<Candidate> candidates);
void apply_bias(std::span<const LogitBias> biases, std::span<Candidate> candidates);

// The lowest id of the highest logit; at least one, all finite.
[[nodiscard]] std::int32_t best_id(std::span<const float> logits);
[[nodiscard]] std::int32_t best_id(std::span<const Candidate> candidates);

// Keeps the k best; 0 keeps all.
void keep_top_k(std::uint32_t k, std::vector<Candidate>& candidates);
// Sets the weights; temperature above 0.
void weigh(double temperature, std::span<Candidate> candidates);
// Keeps the fewest best whose share of all weights reaches p, at least one. Nucleus sampling, arXiv
// 1904.09751.
void keep_top_p(double p, std::vector<Candidate>& candidates);
// Keeps those of at least p times the best one's weight. arXiv 2407.01082.
void keep_min_p(double p, std::vector<Candidate>& candidates);
// The candidate at share `uniform` [0, 1) of the weights, in the order in which they stand.
[[nodiscard]] std::int32_t draw(double uniform, std::span<const Candidate> candidates);

}  // namespace synfire
