#include "core/serve/grpc_translate.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "core/model/tokenizer/tokenizer.hpp"
#include "core/runtime/sampling/stop_strings.hpp"

namespace synfire {
namespace {

using Ids = std::vector<std::int32_t>;

// Ids of a message: checked, or an error that names the first bad one.
Status check_ids(std::string_view field, std::span<const std::int32_t> ids, std::size_t n_vocab) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0) return invalid_argument("{}[{}]: {}, want at least 0", field, i, ids[i]);
    if (static_cast<std::size_t>(ids[i]) >= n_vocab)
      return invalid_argument("{}[{}]: {}, want less than {}", field, i, ids[i], n_vocab);
  }
  return {};
}

Status no_tokenizer(std::string_view field) {
  return error(StatusCode::unimplemented, "{}: the model's file has no tokenizer", field);
}

Result<Ids> prompt_of(const v1::GenerateRequest& request, const RequestLimits& limits) {
  switch (request.prompt_case()) {
    case v1::GenerateRequest::kText: {
      if (limits.tokenizer == nullptr) return no_tokenizer("prompt.text");
      EncodeOptions options;
      options.add_eos = false;  // the text is to go on
      options.parse_special = request.parse_special();
      Result<Ids> ids = limits.tokenizer->encode(request.text(), options);
      if (!ids.ok()) return ids.status().with_context("prompt.text");
      return ids;
    }
    case v1::GenerateRequest::kTokenIds: {
      Ids ids(request.token_ids().ids().begin(), request.token_ids().ids().end());
      SYNFIRE_RETURN_IF_ERROR(check_ids("prompt.token_ids", ids, limits.n_vocab));
      return ids;
    }
    case v1::GenerateRequest::PROMPT_NOT_SET: break;
  }
  return invalid_argument("prompt: missing, want text or token_ids");
}

Result<Ids> checked_prompt(const v1::GenerateRequest& request, const RequestLimits& limits) {
  SYNFIRE_ASSIGN_OR_RETURN(Ids ids, prompt_of(request, limits));
  if (ids.empty()) return invalid_argument("prompt: empty, want at least one token");
  if (ids.size() > limits.context)
    return invalid_argument("prompt: {} tokens, the context is {}", ids.size(), limits.context);
  return ids;
}

Status check_logprobs(const v1::GenerateRequest& request, const RequestLimits& limits) {
  const std::uint32_t most = std::min(kMaxTopLogprobs, limits.n_vocab);
  if (request.top_logprobs() > most)
    return invalid_argument("top_logprobs: {}, want at most {}", request.top_logprobs(), most);
  if (request.top_logprobs() > 0 && !request.logprobs())
    return invalid_argument("top_logprobs: {}, want logprobs set with it", request.top_logprobs());
  return {};
}

Status check_stop(const std::vector<std::string>& stop, const RequestLimits& limits) {
  if (!stop.empty() && limits.tokenizer == nullptr) return no_tokenizer("stop");
  return StopStrings::make(stop).status();
}

std::uint64_t to_us(Duration duration) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return us < 0 ? 0 : static_cast<std::uint64_t>(us);
}

Duration from_us(std::uint64_t us) {
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::microseconds>(Duration::max());
  return std::chrono::microseconds(std::min(us, static_cast<std::uint64_t>(kMost.count())));
}

v1::FinishReason to_proto(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop: return v1::FINISH_REASON_STOP;
    case FinishReason::length: return v1::FINISH_REASON_LENGTH;
    // These two end a call with a status and without a Finish.
    case FinishReason::cancelled:
    case FinishReason::error: break;
  }
  return v1::FINISH_REASON_UNSPECIFIED;
}

}  // namespace

SamplingParams from_proto(const v1::Sampling& sampling) {
  SamplingParams params;
  if (sampling.has_temperature()) params.temperature = sampling.temperature();
  if (sampling.has_top_k()) params.top_k = sampling.top_k();
  if (sampling.has_top_p()) params.top_p = sampling.top_p();
  if (sampling.has_min_p()) params.min_p = sampling.min_p();
  if (sampling.has_repeat_penalty()) params.repeat_penalty = sampling.repeat_penalty();
  if (sampling.has_presence_penalty()) params.presence_penalty = sampling.presence_penalty();
  if (sampling.has_frequency_penalty()) params.frequency_penalty = sampling.frequency_penalty();
  if (sampling.has_penalty_window()) params.penalty_window = sampling.penalty_window();
  for (const auto& [id, bias] : sampling.logit_bias()) params.logit_bias.push_back({id, bias});
  // A map has no order; the same request is the same parameters.
  std::ranges::sort(params.logit_bias, {}, &LogitBias::id);
  if (sampling.has_seed()) params.seed = sampling.seed();
  return params;
}

Result<GenerateRequest> from_proto(const v1::GenerateRequest& request,
                                   const RequestLimits& limits) {
  GenerateRequest result;
  result.sampling = from_proto(request.sampling());
  if (const Status status = result.sampling.validate(limits.n_vocab); !status.ok())
    return Status(status.code(), "sampling." + status.message());
  if (request.has_max_tokens()) result.max_tokens = request.max_tokens();
  if (result.max_tokens == 0) return invalid_argument("max_tokens: 0, want at least 1");
  result.stop.assign(request.stop().begin(), request.stop().end());
  SYNFIRE_RETURN_IF_ERROR(check_stop(result.stop, limits));
  SYNFIRE_RETURN_IF_ERROR(check_logprobs(request, limits));
  result.ignore_eos = request.ignore_eos();
  result.logprobs = request.logprobs();
  result.top_logprobs = request.top_logprobs();
  // Last: it may be long work, and the rest is checked by now.
  SYNFIRE_ASSIGN_OR_RETURN(result.prompt, checked_prompt(request, limits));
  return result;
}

Result<v1::TokenizeResponse> tokenize(const v1::TokenizeRequest& request,
                                      const RequestLimits& limits) {
  if (limits.tokenizer == nullptr) return no_tokenizer("text");
  EncodeOptions options;
  options.parse_special = request.parse_special();
  if (request.plain()) options.add_bos = options.add_eos = false;
  const Result<Ids> ids = limits.tokenizer->encode(request.text(), options);
  if (!ids.ok()) return ids.status().with_context("text");
  v1::TokenizeResponse response;
  response.mutable_token_ids()->Add(ids->begin(), ids->end());
  for (const std::int32_t id : *ids) response.add_pieces(std::string(limits.tokenizer->piece(id)));
  return response;
}

Result<v1::DetokenizeResponse> detokenize(const v1::DetokenizeRequest& request,
                                          const RequestLimits& limits) {
  if (limits.tokenizer == nullptr) return no_tokenizer("text");
  const Ids ids(request.token_ids().begin(), request.token_ids().end());
  SYNFIRE_RETURN_IF_ERROR(check_ids("token_ids", ids, limits.tokenizer->vocab_size()));
  SYNFIRE_ASSIGN_OR_RETURN(std::string text, limits.tokenizer->decode(ids, request.special()));
  v1::DetokenizeResponse response;
  response.set_text(std::move(text));
  return response;
}

void append(const TokenEvent& token, bool logprobs, v1::GenerateResponse& message) {
  message.mutable_text()->append(token.text);
  message.add_token_ids(token.id);
  if (!logprobs) return;
  v1::Logprob& entry = *message.add_logprobs();
  entry.set_logprob(token.logprob);
  entry.set_text(token.text);
  for (const auto& [id, logprob] : token.top) {
    v1::Logprob::Alternative& alternative = *entry.add_top();
    alternative.set_token_id(id);
    alternative.set_logprob(logprob);
  }
}

void append(const FinishEvent& finish, v1::GenerateResponse& message) {
  message.mutable_text()->append(finish.text);
  v1::Finish& end = *message.mutable_finish();
  end.set_reason(to_proto(finish.reason));
  end.mutable_usage()->set_prompt_tokens(finish.usage.prompt_tokens);
  end.mutable_usage()->set_completion_tokens(finish.usage.completion_tokens);
  end.mutable_timings()->set_queued_us(to_us(finish.timings.queued));
  end.mutable_timings()->set_prefill_us(to_us(finish.timings.prefill));
  end.mutable_timings()->set_decode_us(to_us(finish.timings.decode));
}

v1::Sampling to_proto(const SamplingParams& params) {
  v1::Sampling sampling;
  sampling.set_temperature(params.temperature);
  sampling.set_top_k(params.top_k);
  sampling.set_top_p(params.top_p);
  sampling.set_min_p(params.min_p);
  sampling.set_repeat_penalty(params.repeat_penalty);
  sampling.set_presence_penalty(params.presence_penalty);
  sampling.set_frequency_penalty(params.frequency_penalty);
  sampling.set_penalty_window(params.penalty_window);
  for (const LogitBias& entry : params.logit_bias)
    (*sampling.mutable_logit_bias())[entry.id] = entry.bias;
  sampling.set_seed(params.seed);
  return sampling;
}

FinishEvent from_proto(const v1::Finish& finish) {
  FinishEvent event;
  event.reason =
      finish.reason() == v1::FINISH_REASON_LENGTH ? FinishReason::length : FinishReason::stop;
  event.usage = {finish.usage().prompt_tokens(), finish.usage().completion_tokens()};
  event.timings = {from_us(finish.timings().queued_us()), from_us(finish.timings().prefill_us()),
                   from_us(finish.timings().decode_us())};
  return event;
}

}  // namespace synfire
