#pragma once

#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/serve/grpc_client.hpp"
#include "core/serve/grpc_server.hpp"
#include "tests/unit/serve/scripted_engine.hpp"

namespace synfire::test {

// A server of a scripted engine on a free port of the loopback, and clients of it.
class ServeTest : public ::testing::Test {
 protected:
  // What a call brought.
  struct Reply {
    Result<FinishEvent> finish;
    std::string text;
    std::vector<std::int32_t> ids;
    std::vector<TokenEvent> tokens;
  };

  // Called by a test that wants another configuration; others get it from client().
  void start(ServerConfig config = {}) {
    config.listen.port = 0;
    Result<std::unique_ptr<GrpcServer>> server = GrpcServer::start(config, engine_);
    ASSERT_TRUE(server.ok()) << server.status().to_string();
    server_ = *std::move(server);
  }

  GrpcServer& server() {
    if (server_ == nullptr) start();
    return *server_;
  }

  std::unique_ptr<GrpcClient> client() {
    auto connected = GrpcClient::connect(server().endpoint(), kLong);
    EXPECT_TRUE(connected.ok()) << connected.status().to_string();
    return *std::move(connected);
  }

  // Calls on a thread of its own. `on_chunk` there too, after the chunk was added.
  std::future<Reply> generate(
      GrpcClient& client, GenerateRequest request = {}, GrpcClient::CallOptions options = {},
      std::function<void()> on_chunk = [] {}) {
    return std::async(std::launch::async, [&client, request, options, on_chunk] {
      Reply reply{Status(StatusCode::unknown, "no end"), {}, {}, {}};
      const auto add = [&](const GrpcClient::Chunk& chunk) {
        reply.text += chunk.text;
        reply.ids.insert(reply.ids.end(), chunk.ids.begin(), chunk.ids.end());
        reply.tokens.insert(reply.tokens.end(), chunk.tokens.begin(), chunk.tokens.end());
        on_chunk();
      };
      reply.finish = client.generate({std::vector<std::int32_t>{5}, false}, request, add, options);
      if (reply.finish.ok()) reply.text += reply.finish->text;
      return reply;
    });
  }

  static constexpr Duration kLong = std::chrono::minutes(2);  // longer than anything takes

  ScriptedEngine engine_;
  std::unique_ptr<GrpcServer> server_;
};

}  // namespace synfire::test
