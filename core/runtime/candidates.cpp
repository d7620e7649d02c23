#include "core/runtime/candidates.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/runtime/portable_exp.hpp"

namespace synfire {
namespace {

const Candidate& best_of(std::span<const Candidate> candidates) {
  return *std::min_element(candidates.begin(), candidates.end(), better);
}

double total_weight(std::span<const Candidate> candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  return total;
}

void penalize(const SamplingParams& params, std::uint32_t times, Candidate& candidate) {
  double& logit = candidate.logit;
  logit = logit > 0 ? logit / params.repeat_penalty : logit * params.repeat_penalty;
  logit -= params.presence_penalty + times * params.frequency_penalty;
}

}  // namespace

Status check_finite(std::span<const float> logits) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isfinite(logits[i])) continue;
    return error(StatusCode::internal, "logits: {} at token {}, want finite numbers", logits[i], i);
  }
  return {};
}

void fill_candidates(std::span<const float> logits, std::vector<Candidate>& candidates) {
  candidates.resize(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    candidates[i] = {static_cast<std::int32_t>(i), logits[i], 0};
  }
}

void apply_penalties(const SamplingParams& params, std::span<const std::int32_t> sequence,
                     std::vector<std::uint32_t>& seen, std::span<Candidate> candidates) {
  const bool off =
      params.repeat_penalty == 1 && params.presence_penalty == 0 && params.frequency_penalty == 0;
  if (off) return;
  if (params.penalty_window > 0 && params.penalty_window < sequence.size()) {
    sequence = sequence.last(params.penalty_window);
  }
  seen.resize(candidates.size(), 0);
  const auto known = [&](std::int32_t id) {
    return id >= 0 && static_cast<std::size_t>(id) < candidates.size();
  };
  for (const std::int32_t id : sequence) {
    if (known(id)) ++seen[static_cast<std::size_t>(id)];
  }
  for (const std::int32_t id : sequence) {
    if (!known(id)) continue;
    const auto at = static_cast<std::size_t>(id);
    if (seen[at] > 0) penalize(params, seen[at], candidates[at]);
    seen[at] = 0;
  }
}

void apply_bias(std::span<const LogitBias> biases, std::span<Candidate> candidates) {
  for (const LogitBias& bias : biases) {
    candidates[static_cast<std::size_t>(bias.id)].logit += bias.bias;
  }
}

std::int32_t best_id(std::span<const Candidate> candidates) { return best_of(candidates).id; }

void keep_top_k(std::uint32_t k, std::vector<Candidate>& candidates) {
  if (k == 0 || k >= candidates.size()) return;
  const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(candidates.begin(), end, candidates.end(), better);
  candidates.erase(end, candidates.end());
  std::sort(candidates.begin(), candidates.end(), better);  // nth_element leaves any order
}

void weigh(double temperature, std::span<Candidate> candidates) {
  const double best = best_of(candidates).logit;
  for (Candidate& candidate : candidates) {
    candidate.weight = portable_exp((candidate.logit - best) / temperature);
  }
}

void keep_top_p(double p, std::vector<Candidate>& candidates) {
  if (p >= 1) return;
  const double enough = p * total_weight(candidates);
  double sum = 0;
  std::size_t sorted = 0;
  // The nucleus is most often a handful: order only as much of the vocabulary as it takes.
  for (std::size_t want = 64; sorted < candidates.size(); want *= 4) {
    const std::size_t end = std::min(want, candidates.size());
    const auto from = candidates.begin() + static_cast<std::ptrdiff_t>(sorted);
    const auto to = candidates.begin() + static_cast<std::ptrdiff_t>(end);
    std::partial_sort(from, to, candidates.end(), better);
    for (; sorted < end; ++sorted) {
      sum += candidates[sorted].weight;
      if (sum < enough) continue;
      candidates.resize(sorted + 1);
      return;
    }
  }
}

void keep_min_p(double p, std::vector<Candidate>& candidates) {
  if (p <= 0) return;
  const double least = p * best_of(candidates).weight;
  std::erase_if(candidates, [least](const Candidate& c) { return c.weight < least; });
}

std::int32_t draw(double uniform, std::span<const Candidate> candidates) {
  const double target = uniform * total_weight(candidates);
  double sum = 0;
  for (const Candidate& candidate : candidates) {
    sum += candidate.weight;
    if (sum > target) return candidate.id;
  }
  return best_of(candidates)
      .id;  // uniform < 1 and the same sum, so never, but rounding owes us nothing
}

}  // namespace synfire
