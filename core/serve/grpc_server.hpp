#pragma once

#include <memory>

#include "core/base/clock.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "core/serve/server_config.hpp"

namespace synfire {

// Serves an engine over gRPC: proto/synfire/v1, health and reflection, without encryption. Any
// thread may call; gRPC brings the threads that serve.
class GrpcServer {
 public:
  // `engine` outlives the server. UNAVAILABLE "listen 127.0.0.1:8001: address already in use".
  static Result<std::unique_ptr<GrpcServer>> start(const ServerConfig& config, Engine& engine);
  // Ends what runs (CANCELLED) without waiting for it to come to its own end.
  ~GrpcServer();

  // Where it listens, with the port that it took.
  [[nodiscard]] const Endpoint& endpoint() const;

  // Health says NOT_SERVING, new Generate calls get UNAVAILABLE, and so does the engine's own door;
  // what runs may finish within `limit`, and is cancelled then. Returns when no call is open and
  // nothing listens any more: true when all finished by themselves. Later calls give the same
  // answer.
  bool drain(Duration limit);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace synfire
