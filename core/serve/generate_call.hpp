#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include <grpcpp/support/server_callback.h>

#include "core/engine/engine.hpp"
#include "core/serve/call_registry.hpp"
#include "synfire/v1/synfire.pb.h"

namespace synfire {

// One Generate call: takes the engine's tokens and writes them to the client.
//
// One message is on its way at a time; tokens that come meanwhile gather in the next one. Where the
// client is so slow that this next one passes `max_lag_bytes`, it is dropped, the request is
// cancelled, and the call ends with RESOURCE_EXHAUSTED once the message on its way has left.
//
// Thread-safe: the engine's thread, gRPC's threads and whoever drains the server meet here. It owns
// itself until gRPC says OnDone; the engine shares it until its on_finish.
class GenerateCall final : public grpc::ServerWriteReactor<v1::GenerateResponse>,
                           public RequestSink,
                           public std::enable_shared_from_this<GenerateCall> {
 public:
  struct Limits {
    std::size_t max_lag_bytes = 0;
    bool logprobs = false;
  };

  // `engine` and `calls` outlive the call.
  static std::shared_ptr<GenerateCall> make(Engine& engine, CallRegistry& calls, Limits limits);

  // Exactly one of these two, once.
  void submit(GenerateRequest request);
  void refuse(const Status& status);

  // Ends the request within a step; the call then ends with CANCELLED.
  void cancel();

  void on_token(const TokenEvent& token) override;
  void on_finish(const FinishEvent& finish) override;

 private:
  GenerateCall(Engine& engine, CallRegistry& calls, Limits limits);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void end(grpc::Status status);
  void pump(std::unique_lock<std::mutex> lock);

  Engine& engine_;
  CallRegistry& calls_;
  const Limits limits_;
  std::shared_ptr<GenerateCall> self_;  // until OnDone
  bool registered_ = false;             // set before the first callback

  std::mutex mutex_;
  std::optional<RequestId> id_;   // once the engine took the request
  bool cancel_wanted_ = false;    // before id_ was known
  v1::GenerateResponse leaving_;  // gRPC's, while writing_
  v1::GenerateResponse next_;     // gathers
  std::size_t next_bytes_ = 0;    // of next_, about
  bool writing_ = false;
  bool gone_ = false;                // the client: nothing can be written any more
  std::optional<grpc::Status> end_;  // no more tokens are taken once it is set
  bool finished_ = false;            // gRPC was told; set once
};

}  // namespace synfire
