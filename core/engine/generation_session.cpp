#include "core/engine/generation_session.hpp"

#include <algorithm>
#include <utility>

#include "core/runtime/sampling/logprobs.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kMaxTopLogprobs = 100;

Status check(const GenerateRequest& request, const Tokenizer* tokenizer,
             const GenerationLimits& limits) {
  if (request.prompt.empty()) return invalid_argument("prompt: empty, want at least one token");
  if (request.prompt.size() > limits.context)
    return invalid_argument("prompt: {} tokens, the context is {}", request.prompt.size(),
                            limits.context);
  for (std::size_t i = 0; i < request.prompt.size(); ++i)
    if (const std::int64_t id = request.prompt[i]; id < 0 || id >= limits.n_vocab)
      return invalid_argument("prompt.token_ids[{}]: {}, want 0 to {}", i, id, limits.n_vocab - 1);
  if (request.max_tokens == 0) return invalid_argument("max_tokens: 0, want at least 1");
  if (request.top_logprobs > kMaxTopLogprobs)
    return invalid_argument("top_logprobs: {}, want at most {}", request.top_logprobs,
                            kMaxTopLogprobs);
  if (!request.stop.empty() && tokenizer == nullptr)
    return invalid_argument("stop: the model file has no tokenizer, so no text to stop at");
  return {};
}

Duration between(const std::optional<TimePoint>& from, const std::optional<TimePoint>& to) {
  return from && to ? *to - *from : Duration{};
}

}  // namespace

Result<std::unique_ptr<GenerationSession>> GenerationSession::make(
    RequestId id, GenerateRequest request, std::shared_ptr<RequestSink> sink,
    const Tokenizer* tokenizer, const GenerationLimits& limits, TimePoint now) {
  SYNFIRE_RETURN_IF_ERROR(check(request, tokenizer, limits));
  SYNFIRE_ASSIGN_OR_RETURN(Sampler sampler, Sampler::make(request.sampling, limits.n_vocab));
  SYNFIRE_ASSIGN_OR_RETURN(StopStrings stops, StopStrings::make(request.stop));
  return std::unique_ptr<GenerationSession>(
      new GenerationSession(id, std::move(request), std::move(sink), tokenizer, std::move(sampler),
                            std::move(stops), limits, now));
}

GenerationSession::GenerationSession(RequestId id, GenerateRequest request,
                                     std::shared_ptr<RequestSink> sink, const Tokenizer* tokenizer,
                                     Sampler sampler, StopStrings stops,
                                     const GenerationLimits& limits, TimePoint now)
    : Session(id, std::move(request.prompt)),
      request_(std::move(request)),
      sink_(std::move(sink)),
      tokenizer_(tokenizer),
      sampler_(std::move(sampler)),
      stops_(std::move(stops)),
      context_(limits.context),
      n_prompt_(n_tokens()),
      submitted_(now) {
  if (tokenizer_ != nullptr) decoder_.emplace(*tokenizer_, StreamDecoder::Start::continuation);
}

GenerationSession::~GenerationSession() {
  if (!finished_)
    finish(synfire::error(StatusCode::cancelled, "the engine was shut down"), submitted_);
}

std::uint32_t GenerationSession::max_tokens() const {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(context_, std::uint64_t{n_prompt_} + request_.max_tokens));
}

bool GenerationSession::on_logits(std::span<const float> logits, TimePoint now) {
  last_token_ = now;
  if (!first_token_) first_token_ = now;
  if (Status status = take(logits); !status.ok()) {
    reason_ = FinishReason::error;
    error_ = std::move(status);
  }
  return reason_.has_value();
}

Status GenerationSession::take(std::span<const float> logits) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::int32_t token, sampler_.sample(logits, tokens()));
  if (!request_.ignore_eos && ends_generation(token)) {
    reason_ = FinishReason::stop;
    return {};
  }
  TokenEvent event;
  event.id = token;
  if (request_.logprobs || request_.top_logprobs > 0) {
    SYNFIRE_ASSIGN_OR_RETURN(TokenLogprobs logprobs,
                             log_probabilities(logits, token, request_.top_logprobs));
    event.logprob = logprobs.chosen;
    event.top = std::move(logprobs.top);
  }
  append(token);
  ++n_completed_;
  event.text = decode(token);
  if (!reason_ && (n_completed_ >= request_.max_tokens || n_tokens() >= context_))
    reason_ = FinishReason::length;
  sink_->on_token(event);
  return {};
}

std::string GenerationSession::decode(std::int32_t token) {
  if (!decoder_) return {};
  std::string text = stops_.push(decoder_->push(token));
  if (stops_.matched()) reason_ = FinishReason::stop;
  return text;
}

bool GenerationSession::ends_generation(std::int32_t token) const {
  return tokenizer_ != nullptr && tokenizer_->is_end_of_generation(token);
}

void GenerationSession::finish(const Status& status, TimePoint now) {
  finished_ = true;
  FinishEvent event;
  event.status = status.ok() ? error_ : status;
  if (status.ok())
    event.reason = *reason_;
  else
    event.reason =
        status.code() == StatusCode::cancelled ? FinishReason::cancelled : FinishReason::error;
  if (decoder_) event.text = stops_.push(decoder_->finish()) + stops_.finish();
  event.usage = {n_prompt_, n_completed_};
  event.timings = {started_.value_or(now) - submitted_, between(started_, first_token_),
                   between(first_token_, last_token_)};
  sink_->on_finish(event);
}

}  // namespace synfire
