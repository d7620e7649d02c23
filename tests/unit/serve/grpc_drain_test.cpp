#include <grpcpp/create_channel.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "synfire/v1/synfire.grpc.pb.h"
#include "tests/unit/serve/raw_call.hpp"
#include "tests/unit/serve/serve_fixture.hpp"

namespace synfire {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kWatch[] = "/grpc.health.v1.Health/Watch";
constexpr char kReflection[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

class GrpcDrainTest : public test::ServeTest {
 protected:
  std::shared_ptr<grpc::Channel> channel() {
    return grpc::CreateChannel(server().endpoint().to_string(), grpc::InsecureChannelCredentials());
  }

  std::future<bool> drain(Duration limit) {
    return std::async(std::launch::async, [this, limit] { return server_->drain(limit); });
  }
};

TEST_F(GrpcDrainTest, WhatRunsFinishesAndNothingNewStarts) {
  const auto client = this->client();
  auto reply = generate(*client);
  const auto request = engine_.take();
  auto drained = drain(kLong);
  engine_.wait_draining();

  EXPECT_EQ(generate(*client).get().finish.status().to_string(), "UNAVAILABLE: server: draining");
  EXPECT_THAT(test::RawCall(channel(), kCheck, test::health_request("")).read(),
              Optional(std::string(test::kNotServing)));

  request.token(3, "a");
  request.finish(FinishReason::stop);
  engine_.let_drain_end();
  EXPECT_TRUE(drained.get());
  const Reply got = reply.get();
  ASSERT_TRUE(got.finish.ok()) << got.finish.status().to_string();
  EXPECT_EQ(got.text, "a");
}

TEST_F(GrpcDrainTest, PastTheLimitCallsAreCancelled) {
  engine_.on_cancel = [](const auto& request) { request.finish(FinishReason::cancelled); };
  const auto client = this->client();
  auto reply = generate(*client);
  engine_.take();
  EXPECT_FALSE(server_->drain(Duration{}));
  EXPECT_FALSE(server_->drain(kLong));  // the same answer, at once
  EXPECT_EQ(reply.get().finish.status().to_string(), "CANCELLED: request: ended");
}

TEST_F(GrpcDrainTest, AnEngineThatHangsDoesNotHoldIt) {
  ServerConfig config;
  config.cancel_grace = std::chrono::milliseconds(1);
  start(config);
  const auto client = this->client();
  auto reply = generate(*client);
  const auto request = engine_.take();
  EXPECT_FALSE(server_->drain(Duration{}));
  EXPECT_FALSE(reply.get().finish.ok());
  server_.reset();
  request.finish(FinishReason::cancelled);
}

TEST_F(GrpcDrainTest, WhoWatchesHealthDoesNotHoldIt) {
  server();
  test::RawCall watch(channel(), kWatch, test::health_request(""));
  EXPECT_THAT(watch.read(), Optional(std::string(test::kServing)));
  engine_.let_drain_end();
  EXPECT_TRUE(server_->drain(kLong));
}

TEST_F(GrpcDrainTest, HealthIsKnownPerService) {
  server();
  for (const char* service : {"", "synfire.v1.Inference", "synfire.v1.Control"}) {
    EXPECT_THAT(test::RawCall(channel(), kCheck, test::health_request(service)).read(),
                Optional(std::string(test::kServing)))
        << service;
  }
  EXPECT_EQ(test::RawCall(channel(), kCheck, test::health_request("other")).read(), std::nullopt);
}

TEST_F(GrpcDrainTest, ALostDeviceEndsHealth) {
  ServerConfig config;
  config.health_interval = std::chrono::milliseconds(1);
  start(config);
  test::RawCall watch(channel(), kWatch, test::health_request("synfire.v1.Inference"));
  EXPECT_THAT(watch.read(), Optional(std::string(test::kServing)));
  engine_.lose_device("a script said so");
  EXPECT_THAT(watch.read(), Optional(std::string(test::kNotServing)));
}

TEST_F(GrpcDrainTest, ReflectionListsTheServices) {
  test::RawCall call(channel(), kReflection, std::string("\x3A\x00", 2));  // list_services: ""
  const std::optional<std::string> reply = call.read();
  ASSERT_TRUE(reply);
  EXPECT_THAT(*reply, HasSubstr("synfire.v1.Inference"));
  EXPECT_THAT(*reply, HasSubstr("synfire.v1.Control"));
  EXPECT_THAT(*reply, HasSubstr("grpc.health.v1.Health"));
}

TEST_F(GrpcDrainTest, ControlSaysWhatTheEngineSays) {
  const auto stub = v1::Control::NewStub(channel());
  const auto call = [&](auto method, const auto& request, auto& response) {
    grpc::ClientContext context;
    return (stub.get()->*method)(&context, request, &response).ok();
  };

  v1::ListDevicesResponse devices;
  ASSERT_TRUE(call(&v1::Control::Stub::ListDevices, v1::ListDevicesRequest(), devices));
  ASSERT_EQ(devices.devices_size(), 2);
  EXPECT_EQ(devices.devices(1).ShortDebugString(),
            "name: \"cpu:1\" description: \"second\" weight_bytes: 13 kv_bytes: 14");

  v1::ListPluginsResponse plugins;
  ASSERT_TRUE(call(&v1::Control::Stub::ListPlugins, v1::ListPluginsRequest(), plugins));
  ASSERT_EQ(plugins.plugins_size(), 2);
  EXPECT_EQ(plugins.plugins(0).ShortDebugString(),
            "path: \"/p/a.so\" name: \"cpu\" kind: \"backend\" version: \"1.2\"");
  EXPECT_EQ(plugins.plugins(1).ShortDebugString(), "path: \"/p/b.so\" error: \"no such file\"");

  v1::GetPlacementResponse placement;
  ASSERT_TRUE(call(&v1::Control::Stub::GetPlacement, v1::GetPlacementRequest(), placement));
  EXPECT_EQ(placement.ShortDebugString(),
            "kind: \"neuron\" predictor: \"exact\" epoch: 3 layers { attention_device: \"cpu:0\" "
            "shares { device: \"cpu:0\" neurons: 10 } shares { device: \"cpu:1\" neurons: 22 } } "
            "notes: \"a note\"");

  v1::GetStatsResponse stats;
  ASSERT_TRUE(call(&v1::Control::Stub::GetStats, v1::GetStatsRequest(), stats));
  EXPECT_EQ(stats.ShortDebugString(),
            "requests_started: 1 requests_finished: 2 requests_failed: 3 requests_cancelled: 4 "
            "requests_refused: 5 requests_running: 6 requests_waiting: 7 steps: 8 prompt_tokens: 9 "
            "generated_tokens: 10 forks: 11 joins: 12 uptime_us: 13");
}

TEST_F(GrpcDrainTest, TokenizeAndDetokenizeAnswer) {
  const auto stub = v1::Inference::NewStub(channel());
  v1::TokenizeRequest text;
  text.set_text("ab");
  v1::TokenizeResponse tokens;
  grpc::ClientContext first;
  ASSERT_TRUE(stub->Tokenize(&first, text, &tokens).ok());
  EXPECT_EQ(tokens.token_ids_size(), 4);

  v1::DetokenizeRequest ids;
  *ids.mutable_token_ids() = tokens.token_ids();
  v1::DetokenizeResponse back;
  grpc::ClientContext second;
  ASSERT_TRUE(stub->Detokenize(&second, ids, &back).ok());
  EXPECT_EQ(back.text(), "ab");

  ids.add_token_ids(-7);
  grpc::ClientContext third;
  const grpc::Status status = stub->Detokenize(&third, ids, &back);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "token_ids[4]: -7, want at least 0");
}

}  // namespace
}  // namespace synfire
