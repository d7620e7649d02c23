#include "core/serve/inference_service.hpp"

#include <utility>

#include "core/serve/generate_call.hpp"
#include "core/serve/grpc_status.hpp"

namespace synfire {
namespace {

RequestLimits limits_of(const Engine& engine) {
  const ModelInfo model = engine.model();
  return {model.context, model.n_vocab, engine.tokenizer()};
}

// Ends a unary call with a result or its error.
template <typename Response>
grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext& context, Result<Response> result,
                                 Response& response) {
  if (result.ok()) response = *std::move(result);
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(to_grpc(result.status()));
  return reactor;
}

}  // namespace

InferenceService::InferenceService(Engine& engine, CallRegistry& calls, std::size_t max_lag_bytes)
    : engine_(engine), calls_(calls), max_lag_bytes_(max_lag_bytes), limits_(limits_of(engine)) {}

grpc::ServerWriteReactor<v1::GenerateResponse>* InferenceService::Generate(
    grpc::CallbackServerContext*, const v1::GenerateRequest* request) {
  const auto call = GenerateCall::make(engine_, calls_, {max_lag_bytes_, request->logprobs()});
  Result<GenerateRequest> translated = from_proto(*request, limits_);
  if (translated.ok()) {
    call->submit(*std::move(translated));
  } else {
    call->refuse(translated.status());
  }
  return call.get();  // it owns itself until OnDone, which gRPC calls after this
}

grpc::ServerUnaryReactor* InferenceService::Tokenize(grpc::CallbackServerContext* context,
                                                     const v1::TokenizeRequest* request,
                                                     v1::TokenizeResponse* response) {
  return answer(*context, tokenize(*request, limits_), *response);
}

grpc::ServerUnaryReactor* InferenceService::Detokenize(grpc::CallbackServerContext* context,
                                                       const v1::DetokenizeRequest* request,
                                                       v1::DetokenizeResponse* response) {
  return answer(*context, detokenize(*request, limits_), *response);
}

}  // namespace synfire
