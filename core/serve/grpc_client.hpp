#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

namespace synfire {

// A server of proto/synfire/v1, seen from C++. Thread-safe; every call blocks its caller.
class GrpcClient {
 public:
  struct Prompt {
    std::variant<std::string, std::vector<std::int32_t>> input;  // text, or token ids
    bool parse_special = false;                                  // in the text
  };
  // What one message brought: one token, or several where this side was slow.
  struct Chunk {
    std::string text;
    std::vector<std::int32_t> ids;
    std::vector<TokenEvent> tokens;  // one per id, with logprobs in the request; empty otherwise
  };
  struct CallOptions {
    std::optional<Duration> deadline;  // of the whole call; absent: none
    std::stop_token stop;              // ends the call, and the computation behind it
  };

  // Waits until the server answers, UNAVAILABLE after `limit` or when asked to stop:
  // "server 127.0.0.1:8001: no answer within 5 s".
  static Result<std::unique_ptr<GrpcClient>> connect(const Endpoint& server, Duration limit,
                                                     const std::stop_token& stop = {});
  ~GrpcClient();

  // `request` without its prompt. `on_chunk` is called on the caller's thread, in order. The result
  // is how the generation ended, with the text that came after the last token's (where it can be
  // told from it; otherwise it is in the last chunk): all chunks' texts and this one are the
  // output. Any other end is an error: the server's, or CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE
  // when the connection broke.
  Result<FinishEvent> generate(const Prompt& prompt, const GenerateRequest& request,
                               const std::function<void(const Chunk&)>& on_chunk,
                               const CallOptions& options = {});

  Result<ModelInfo> model(const CallOptions& options = {});

 private:
  class Impl;
  explicit GrpcClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace synfire
