#pragma once

#include <cstddef>

#include "core/engine/engine.hpp"
#include "core/serve/call_registry.hpp"
#include "core/serve/grpc_translate.hpp"
#include "synfire/v1/synfire.grpc.pb.h"

namespace synfire {

// The Inference service: checks and translates, and leaves the work to the engine. gRPC calls it
// from any of its threads.
class InferenceService final : public v1::Inference::CallbackService {
 public:
  // `engine` and `calls` outlive the service.
  InferenceService(Engine& engine, CallRegistry& calls, std::size_t max_lag_bytes);

  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(
      grpc::CallbackServerContext* context, const v1::GenerateRequest* request) override;
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context,
                                     const v1::TokenizeRequest* request,
                                     v1::TokenizeResponse* response) override;
  grpc::ServerUnaryReactor* Detokenize(grpc::CallbackServerContext* context,
                                       const v1::DetokenizeRequest* request,
                                       v1::DetokenizeResponse* response) override;

 private:
  Engine& engine_;
  CallRegistry& calls_;
  const std::size_t max_lag_bytes_;
  const RequestLimits limits_;
};

}  // namespace synfire
