#include "core/serve/grpc_client.hpp"

#include <semaphore>

#include <gtest/gtest.h>

#include "tests/unit/serve/serve_fixture.hpp"

namespace synfire {
namespace {

class GrpcClientTest : public test::ServeTest {};

TEST_F(GrpcClientTest, NobodyThereIsAnErrorThatNamesTheServer) {
  const Endpoint endpoint = server().endpoint();
  server_.reset();
  const auto client = GrpcClient::connect(endpoint, std::chrono::milliseconds(1));
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.status().to_string(),
            "UNAVAILABLE: server " + endpoint.to_string() + ": no answer within 0.001 s");
}

TEST_F(GrpcClientTest, AWaitForAServerCanBeStopped) {
  const Endpoint endpoint = server().endpoint();
  server_.reset();
  std::stop_source stop;
  stop.request_stop();
  const auto client = GrpcClient::connect(endpoint, kLong, stop.get_token());
  EXPECT_EQ(client.status().code(), StatusCode::cancelled);
}

TEST_F(GrpcClientTest, TheModelArrivesWhole) {
  const Result<ModelInfo> model = client()->model();
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  const ModelInfo want = engine_.model();
  EXPECT_EQ(model->name, "scripted \xEF\xBF\xBD");
  EXPECT_EQ(model->path, want.path);
  EXPECT_EQ(model->architecture, want.architecture);
  EXPECT_EQ(model->description, want.description);
  EXPECT_EQ(model->license, want.license);
  EXPECT_EQ(model->n_layers, want.n_layers);
  EXPECT_EQ(model->d_model, want.d_model);
  EXPECT_EQ(model->d_ff, want.d_ff);
  EXPECT_EQ(model->n_heads, want.n_heads);
  EXPECT_EQ(model->n_kv_heads, want.n_kv_heads);
  EXPECT_EQ(model->n_vocab, want.n_vocab);
  EXPECT_EQ(model->context_trained, want.context_trained);
  EXPECT_EQ(model->context, want.context);
  EXPECT_EQ(model->activation, want.activation);
  EXPECT_EQ(model->weight_dtype, want.weight_dtype);
  EXPECT_EQ(model->parameters, want.parameters);
  EXPECT_EQ(model->weight_bytes, want.weight_bytes);
}

TEST_F(GrpcClientTest, AServerThatGoesEndsTheCall) {
  const auto client = this->client();
  auto reply = generate(*client);
  const auto request = engine_.take();
  server_.reset();
  const StatusCode code = reply.get().finish.status().code();
  EXPECT_TRUE(code == StatusCode::cancelled || code == StatusCode::unavailable) << to_string(code);
  request.finish(FinishReason::cancelled);
}

TEST_F(GrpcClientTest, TextHeldBackIsToldFromTheTokens) {
  const auto client = this->client();
  for (const bool logprobs : {true, false}) {
    GenerateRequest wanted;
    wanted.logprobs = logprobs;
    for (const bool burst : {true, false}) {
      std::counting_semaphore<> came(0);
      auto reply = generate(*client, wanted, {}, [&] { came.release(); });
      const auto request = engine_.take();
      request.token(3, "a");
      came.acquire();
      if (burst) request.token(4, "b");
      request.finish(FinishReason::stop, "held");
      const Reply got = reply.get();
      ASSERT_TRUE(got.finish.ok());
      EXPECT_EQ(got.text, burst ? "abheld" : "aheld");
      if (logprobs || !burst) {
        EXPECT_EQ(got.finish->text, "held");
      }
    }
  }
}

TEST_F(GrpcClientTest, ACallStoppedBeforeItStartsEndsAtOnce) {
  std::stop_source stop;
  stop.request_stop();
  const auto client = this->client();
  EXPECT_EQ(generate(*client, {}, {{}, stop.get_token()}).get().finish.status().code(),
            StatusCode::cancelled);
}

}  // namespace
}  // namespace synfire
