#include "core/runtime/sampling/sampler.hpp"

#include <utility>

namespace synfire {
namespace {

bool changes_logits(const SamplingParams& params) {
  return params.repeat_penalty != 1 || params.presence_penalty != 0 ||
         params.frequency_penalty != 0 || !params.logit_bias.empty();
}

}  // namespace

Result<Sampler> Sampler::make(SamplingParams params, std::uint32_t n_vocab) {
  if (n_vocab == 0) return invalid_argument("n_vocab: 0, want at least 1");
  SYNFIRE_RETURN_IF_ERROR(params.validate(n_vocab));
  return Sampler(std::move(params), n_vocab);
}

Sampler::Sampler(SamplingParams params, std::uint32_t n_vocab)
    : params_(std::move(params)), n_vocab_(n_vocab), rng_(params_.seed) {}

Result<std::int32_t> Sampler::sample(std::span<const float> logits,
                                     std::span<const std::int32_t> sequence) {
  if (logits.size() != n_vocab_) {
    return error(StatusCode::internal, "logits: {} of them, want {}", logits.size(), n_vocab_);
  }
  SYNFIRE_RETURN_IF_ERROR(check_finite(logits));
  if (params_.temperature == 0 && !changes_logits(params_)) return best_id(logits);
  fill_candidates(logits, candidates_);
  apply_penalties(params_, sequence, seen_, candidates_);
  apply_bias(params_.logit_bias, candidates_);
  if (params_.temperature == 0) return best_id(candidates_);
  keep_top_k(params_.top_k, candidates_);
  weigh(params_.temperature, candidates_);
  keep_top_p(params_.top_p, candidates_);
  keep_min_p(params_.min_p, candidates_);
  return draw(rng_.uniform(), candidates_);
}

}  // namespace synfire
