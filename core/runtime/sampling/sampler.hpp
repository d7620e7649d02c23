#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/runtime/sampling/candidates.hpp"
#include "core/runtime/sampling/rng.hpp"
#include "core/runtime/sampling/sampling_params.hpp"

namespace synfire {

// Chooses the next token of one sequence. Belongs to the session; one thread at a time. Copies go
// on alike.
//
// Stages, in this order (see candidates.hpp for each):
//   penalties -> bias -> temperature -> top-k -> top-p -> min-p -> draw
// Temperature acts before the cuts, as in Hugging Face transformers and vLLM (llama.cpp puts it
// last). Temperature 0 takes the best after penalties and bias. Of equal logits the lowest id is
// better. Each token with a temperature above 0 takes exactly one number from the generator, so the
// state after n tokens follows from the seed. Same logits, parameters and seed give the same token
// on every machine: the exponential is our own, and every sum has a fixed order.
class Sampler {
 public:
  // INVALID_ARGUMENT as SamplingParams::validate() says.
  [[nodiscard]] static Result<Sampler> make(SamplingParams params, std::uint32_t n_vocab);

  // `logits` [n_vocab]; `sequence`: the tokens so far, prompt included. INTERNAL when a logit is
  // NaN or infinite or their number is wrong; the state is then as before.
  [[nodiscard]] Result<std::int32_t> sample(std::span<const float> logits,
                                            std::span<const std::int32_t> sequence);

  [[nodiscard]] const SamplingParams& params() const { return params_; }
  [[nodiscard]] const Rng& rng() const { return rng_; }
  void set_rng(const Rng& rng) { rng_ = rng; }

 private:
  Sampler(SamplingParams params, std::uint32_t n_vocab);

  SamplingParams params_;
  std::uint32_t n_vocab_;
  Rng rng_;
  std::vector<Candidate> candidates_;  // scratch, kept for its memory
  std::vector<std::uint32_t> seen_;    // scratch: times seen, by id
};

}  // namespace synfire
