#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/status.hpp"
#include "core/runtime/sampling/sampling_params.hpp"

namespace synfire {

using RequestId = std::uint64_t;

enum class FinishReason : std::uint8_t { stop, length, cancelled, error };

struct GenerateRequest {
  std::vector<std::int32_t> prompt;  // token ids, at least one; BOS is the caller's business
  SamplingParams sampling;
  std::uint32_t max_tokens = 128;  // to generate; the context's end also ends with `length`
  std::vector<std::string> stop;   // texts that end the generation; never part of the output
  bool ignore_eos = false;         // go on after end-of-generation tokens
  std::uint32_t top_logprobs = 0;  // alternatives per token
  bool logprobs = false;           // of the chosen token
};

struct TokenEvent {
  std::int32_t id = 0;
  std::string text;    // what this token added: whole UTF-8 characters, possibly none
  double logprob = 0;  // natural log, of the unmodified distribution; with `logprobs` only
  std::vector<std::pair<std::int32_t, double>> top;  // best first
};

struct Usage {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t completion_tokens = 0;
};

struct Timings {
  Duration queued{};   // submission to first step
  Duration prefill{};  // first step to first token
  Duration decode{};   // first token to last
};

struct FinishEvent {
  FinishReason reason = FinishReason::stop;
  Status status;  // not ok with `cancelled` (CANCELLED) and `error`
  std::string
      text;  // held back until now (an unfinished stop string, a broken character as U+FFFD)
  Usage usage;
  Timings timings;
};

// Takes what a request produces. Called from the engine's thread; must return soon and never block.
// on_finish comes exactly once, last, whatever happens.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  virtual void on_token(const TokenEvent& token) = 0;
  virtual void on_finish(const FinishEvent& finish) = 0;
};

}  // namespace synfire
