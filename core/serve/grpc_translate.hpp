#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "synfire/v1/synfire.pb.h"

// Between the messages of the Inference service and the engine's types. Values only: no gRPC, no
// state, any thread.
namespace synfire {

inline constexpr std::uint32_t kMaxTopLogprobs = 64;

// What a request is checked against.
struct RequestLimits {
  std::uint32_t context = 0;  // tokens
  std::uint32_t n_vocab = 0;
  const Tokenizer* tokenizer = nullptr;  // null: the model has none
};

// INVALID_ARGUMENT names the field: "prompt.token_ids[3]: 70000, want less than 4096". A text needs
// a tokenizer: UNIMPLEMENTED without.
[[nodiscard]] Result<GenerateRequest> from_proto(const v1::GenerateRequest& request,
                                                 const RequestLimits& limits);
// Absent fields keep SamplingParams' defaults; nothing is checked.
[[nodiscard]] SamplingParams from_proto(const v1::Sampling& sampling);

[[nodiscard]] Result<v1::TokenizeResponse> tokenize(const v1::TokenizeRequest& request,
                                                    const RequestLimits& limits);
[[nodiscard]] Result<v1::DetokenizeResponse> detokenize(const v1::DetokenizeRequest& request,
                                                        const RequestLimits& limits);

// Adds a token to a message that may hold others; `logprobs` as in the request.
void append(const TokenEvent& token, bool logprobs, v1::GenerateResponse& message);
// Adds the end of a generation that ended well.
void append(const FinishEvent& finish, v1::GenerateResponse& message);

// The client's side. Every field is set, so the server's defaults do not matter.
[[nodiscard]] v1::Sampling to_proto(const SamplingParams& sampling);
[[nodiscard]] FinishEvent from_proto(const v1::Finish& finish);

}  // namespace synfire
