#include "core/serve/grpc_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/serve/serve_fixture.hpp"

namespace synfire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GrpcServerTest : public test::ServeTest {};

TEST_F(GrpcServerTest, PortZeroTakesAFreeOne) {
  EXPECT_NE(server().endpoint().port, 0);
  EXPECT_EQ(server().endpoint().host, "127.0.0.1");
}

TEST_F(GrpcServerTest, ATakenPortIsAnErrorThatNamesTheAddress) {
  ServerConfig config;
  config.listen = server().endpoint();
  const auto second = GrpcServer::start(config, engine_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().to_string(),
            "UNAVAILABLE: listen " + config.listen.to_string() + ": address already in use");
}

TEST_F(GrpcServerTest, AForeignAddressIsAnErrorToo) {
  ServerConfig config;
  config.listen = {"192.0.2.1", 0};  // of a network for examples
  const auto server = GrpcServer::start(config, engine_);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.status().message(), HasSubstr("listen 192.0.2.1:0: "));
}

TEST_F(GrpcServerTest, TokensComeInOrderAndTheEndComesLast) {
  const auto client = this->client();
  auto reply = generate(*client);
  const auto request = engine_.take();
  EXPECT_THAT(request.request.prompt, ElementsAre(5));
  std::string text;
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < 300; ++i) {
    request.token(i, std::to_string(i) + ' ');
    text += std::to_string(i) + ' ';
    ids.push_back(i);
  }
  request.finish(FinishReason::length, "held");
  const Reply got = reply.get();
  ASSERT_TRUE(got.finish.ok()) << got.finish.status().to_string();
  EXPECT_EQ(got.text, text + "held");
  EXPECT_EQ(got.ids, ids);
  EXPECT_TRUE(got.tokens.empty());
  EXPECT_EQ(got.finish->reason, FinishReason::length);
  EXPECT_EQ(got.finish->usage.prompt_tokens, 1U);
  EXPECT_EQ(got.finish->usage.completion_tokens, 7U);
  EXPECT_EQ(got.finish->timings.decode, std::chrono::microseconds(3));
}

TEST_F(GrpcServerTest, ATokenArrivesBeforeTheNextIsMade) {
  const auto client = this->client();
  std::promise<void> first_came;
  auto reply = generate(*client, {}, {}, [&, came = false]() mutable {
    if (!std::exchange(came, true)) first_came.set_value();
  });
  const auto request = engine_.take();
  request.token(3, "a");
  first_came.get_future().wait();
  request.token(4, "b");
  request.finish(FinishReason::stop);
  const Reply got = reply.get();
  ASSERT_TRUE(got.finish.ok());
  EXPECT_EQ(got.finish->reason, FinishReason::stop);
  EXPECT_EQ(got.text, "ab");
}

TEST_F(GrpcServerTest, AnEngineMayAnswerWithinSubmit) {
  engine_.on_submit = [](const test::ScriptedEngine::Request& request) {
    request.token(3, "a");
    request.token(4, "b");
    request.finish(FinishReason::stop);
  };
  const auto client = this->client();
  const Reply got = generate(*client).get();
  ASSERT_TRUE(got.finish.ok()) << got.finish.status().to_string();
  EXPECT_EQ(got.text, "ab");
}

TEST_F(GrpcServerTest, LogprobsComePerToken) {
  const auto client = this->client();
  GenerateRequest wanted;
  wanted.logprobs = true;
  wanted.top_logprobs = 1;
  wanted.max_tokens = 77;
  auto reply = generate(*client, wanted);
  const auto request = engine_.take();
  EXPECT_TRUE(request.request.logprobs);
  EXPECT_EQ(request.request.top_logprobs, 1U);
  EXPECT_EQ(request.request.max_tokens, 77U);
  request.token(3, "a");
  request.token(4, "b");
  request.finish(FinishReason::stop);
  const Reply got = reply.get();
  ASSERT_EQ(got.tokens.size(), 2U);
  EXPECT_EQ(got.tokens[1].id, 4);
  EXPECT_EQ(got.tokens[1].text, "b");
  EXPECT_EQ(got.tokens[1].logprob, -0.5);
  EXPECT_EQ(got.tokens[1].top.at(0).first, 4);
}

TEST_F(GrpcServerTest, CancellingACallCancelsItsRequest) {
  const auto client = this->client();
  std::stop_source stop;
  auto reply = generate(*client, {}, {{}, stop.get_token()}, [&] { stop.request_stop(); });
  const auto request = engine_.take();
  request.token(3, "a");
  engine_.wait_cancelled(request.id);
  // The engine's step was under way: what it still gives is dropped.
  request.token(4, "b");
  request.finish(FinishReason::cancelled);
  const Reply got = reply.get();
  EXPECT_EQ(got.finish.status().code(), StatusCode::cancelled);
  EXPECT_EQ(got.text, "a");
}

TEST_F(GrpcServerTest, ADeadlineCancelsTheRequest) {
  const auto client = this->client();
  auto reply = generate(*client, {}, {std::chrono::milliseconds(50), {}});
  const auto request = engine_.take();
  engine_.wait_cancelled(request.id);
  request.finish(FinishReason::cancelled);
  EXPECT_EQ(reply.get().finish.status().code(), StatusCode::deadline_exceeded);
}

TEST_F(GrpcServerTest, ACallEndsThoughTheEngineHangs) {
  const auto client = this->client();
  std::stop_source stop;
  auto reply = generate(*client, {}, {{}, stop.get_token()});
  const auto request = engine_.take();
  stop.request_stop();
  engine_.wait_cancelled(request.id);
  EXPECT_EQ(reply.get().finish.status().code(), StatusCode::cancelled);
  server_.reset();  // waits for its calls, and does not need the engine's end
  request.token(3, "late");
  request.finish(FinishReason::cancelled);
}

class ErrorCodeTest : public GrpcServerTest, public ::testing::WithParamInterface<int> {
 protected:
  const Status status_{static_cast<StatusCode>(GetParam()), "thing: got, want"};
};

TEST_P(ErrorCodeTest, OfARefusalArrives) {
  engine_.refuse = status_;
  const auto client = this->client();
  EXPECT_EQ(generate(*client).get().finish.status(), status_);
}

TEST_P(ErrorCodeTest, OfAFailureArrivesAfterTheTokens) {
  const auto client = this->client();
  auto reply = generate(*client);
  const auto request = engine_.take();
  request.token(3, "a");
  request.fail(status_);
  const Reply got = reply.get();
  EXPECT_EQ(got.finish.status(), status_);
  EXPECT_EQ(got.text, "a");
}

INSTANTIATE_TEST_SUITE_P(Codes, ErrorCodeTest, ::testing::Range(1, 16), [](const auto& code) {
  return std::string(to_string(static_cast<StatusCode>(code.param)));
});

TEST_F(GrpcServerTest, ABadRequestNamesItsField) {
  const auto client = this->client();
  GenerateRequest request;
  request.sampling.temperature = -1;
  const Status status = generate(*client, request).get().finish.status();
  EXPECT_EQ(status.code(), StatusCode::invalid_argument);
  EXPECT_THAT(status.message(), HasSubstr("sampling.temperature: -1"));
}

TEST_F(GrpcServerTest, AMessageOverTheLimitIsRefused) {
  ServerConfig config;
  config.max_request_bytes = 1000;
  start(config);
  const auto client = this->client();
  const auto result =
      client->generate({std::string(2000, 'a'), false}, {}, [](const GrpcClient::Chunk&) {});
  EXPECT_EQ(result.status().code(), StatusCode::resource_exhausted);
}

TEST_F(GrpcServerTest, TextIsTokenizedByTheServer) {
  const auto client = this->client();
  auto result = std::async(std::launch::async, [&] {
    return client->generate({std::string("ab"), false}, {}, [](const GrpcClient::Chunk&) {});
  });
  const auto request = engine_.take();
  EXPECT_THAT(request.request.prompt, ElementsAre(1, 3, 4));
  request.finish(FinishReason::stop);
  EXPECT_TRUE(result.get().ok());
}

TEST_F(GrpcServerTest, ASlowReaderIsCutOffAndSaidSo) {
  ServerConfig config;
  config.max_lag_bytes = 100'000;
  start(config);
  const auto client = this->client();
  std::promise<void> cut_off;
  auto reply = generate(*client, {}, {}, [cut = cut_off.get_future().share()] { cut.wait(); });
  const auto request = engine_.take();
  const std::string text(10'000, 'x');
  std::promise<void> cancelled;
  engine_.on_cancel = [&](const test::ScriptedEngine::Request&) { cancelled.set_value(); };
  const auto was_cancelled = cancelled.get_future();
  std::size_t sent = 0;  // ends long before: windows and buffers between are a few 64 KiB
  for (; sent < 100'000 && was_cancelled.wait_for(Duration{}) != std::future_status::ready; ++sent)
    request.token(static_cast<std::int32_t>(sent), text);
  EXPECT_LT(sent, 100'000U);
  request.finish(FinishReason::cancelled);
  cut_off.set_value();
  const Reply got = reply.get();
  EXPECT_EQ(got.finish.status().code(), StatusCode::resource_exhausted);
  EXPECT_THAT(got.finish.status().message(), HasSubstr("bytes behind, the server keeps 100000"));
  EXPECT_LT(got.ids.size(), sent);
  for (std::size_t i = 0; i < got.ids.size(); ++i)
    ASSERT_EQ(got.ids[i], static_cast<std::int32_t>(i));
}

TEST_F(GrpcServerTest, ManyCallsAtOnceEachGetTheirOwn) {
  const auto client = this->client();
  constexpr std::uint32_t kCalls = 40;
  std::vector<std::future<Reply>> replies;
  for (std::uint32_t i = 0; i < kCalls; ++i) {
    GenerateRequest request;
    request.max_tokens = i + 1;
    replies.push_back(generate(*client, request));
  }
  std::vector<test::ScriptedEngine::Request> requests;
  for (std::uint32_t i = 0; i < kCalls; ++i) requests.push_back(engine_.take());
  for (int step = 0; step < 20; ++step)
    for (const auto& request : requests)
      request.token(static_cast<std::int32_t>(request.request.max_tokens), "x");
  for (const auto& request : requests) request.finish(FinishReason::length);
  for (std::uint32_t i = 0; i < kCalls; ++i) {
    const Reply got = replies[i].get();
    ASSERT_TRUE(got.finish.ok()) << got.finish.status().to_string();
    EXPECT_EQ(got.ids, std::vector<std::int32_t>(20, static_cast<std::int32_t>(i + 1)));
  }
}

}  // namespace
}  // namespace synfire
