#include "core/runtime/sampling/candidates.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "core/runtime/sampling/portable_exp.hpp"

namespace synfire {
namespace {

const Candidate& best_of(std::span<const Candidate> candidates) {
  return *std::min_element(candidates.begin(), candidates.end(), better);
}

// Puts the best of candidates[from..] in order into [from, to).
void order_best(std::vector<Candidate>& candidates, std::size_t from, std::size_t to) {
  constexpr std::size_t kFew = 256;  // a heap of so many is quicker than a partition
  const auto first = candidates.begin() + static_cast<std::ptrdiff_t>(from);
  const auto last = candidates.begin() + static_cast<std::ptrdiff_t>(to);
  if (to - from <= kFew) {
    std::partial_sort(first, last, candidates.end(), better);
    return;
  }
  if (last != candidates.end()) std::nth_element(first, last, candidates.end(), better);
  std::sort(first, last, better);
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
  // Magnitudes order like their bits; integers, so that the loop becomes SIMD.
  constexpr std::int32_t kInfinity = 0x7f800000;
  std::int32_t largest = 0;
  for (const float logit : logits) {
    largest = std::max(largest, std::bit_cast<std::int32_t>(logit) & 0x7fffffff);
  }
  if (largest < kInfinity) return {};
  const auto bad =
      std::find_if(logits.begin(), logits.end(), [](float x) { return !std::isfinite(x); });
  return error(StatusCode::internal, "logits: {} at token {}, want finite numbers", *bad,
               bad - logits.begin());
}

std::int32_t best_id(std::span<const float> logits) {
  // Two's complement keys in the order of the floats; only -0 is below 0, which the search evens
  // out.
  std::int32_t best = INT32_MIN;
  for (const float logit : logits) {
    const auto bits = std::bit_cast<std::int32_t>(logit);
    best = std::max(best, bits ^ ((bits >> 31) & 0x7fffffff));
  }
  const float value = std::bit_cast<float>(best ^ ((best >> 31) & 0x7fffffff));
  return static_cast<std::int32_t>(std::find(logits.begin(), logits.end(), value) - logits.begin());
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
  order_best(candidates, 0, k);
  candidates.resize(k);
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
    order_best(candidates, sorted, end);
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
