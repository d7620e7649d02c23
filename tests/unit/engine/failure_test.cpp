// Devices that fail, stall or are told to stop: every request ends, with an error that says why.
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_fixture.hpp"

namespace synfire {
namespace {

using test::RecordingSink;
using testing::HasSubstr;

std::unique_ptr<Engine> make(const std::string& devices,
                             Duration step_timeout = std::chrono::minutes(5)) {
  EngineConfig config = test::engine_config("arcee/arcee-random-f32.gguf", devices);
  config.step_timeout = step_timeout;
  auto engine = Engine::make(config);
  EXPECT_TRUE(engine.ok()) << engine.status().to_string();
  return engine.ok() ? *std::move(engine) : nullptr;
}

FinishEvent run(Engine& engine) {
  const auto sink = std::make_shared<RecordingSink>();
  const auto id = engine.submit(test::greedy({1, 2, 3}, 20), sink);
  EXPECT_TRUE(id.ok()) << id.status().to_string();
  const FinishEvent end = sink->wait();
  EXPECT_EQ(sink->ends(), 1);
  return end;
}

// Asks until the engine serves again: a lost device needs a moment to be missed, and one to come
// back.
FinishEvent run_when_back(Engine& engine) {
  while (true) {
    const auto sink = std::make_shared<RecordingSink>();
    if (engine.submit(test::greedy({1, 2, 3}, 1), sink).ok()) {
      const FinishEvent end = sink->wait();
      if (end.status.code() != StatusCode::unavailable) return end;
    }
    std::this_thread::yield();
  }
}

class DeviceFailure : public testing::TestWithParam<const char*> {};

TEST_P(DeviceFailure, EndsTheRequestAndServesTheNext) {
  const std::string other = GetParam();
  for (const std::string& devices :
       {other + "async:0[fail_at=3]", "async:0[fail_at=4]," + other + "reference:0"}) {
    const auto engine = make(devices);
    const FinishEvent end = run(*engine);
    EXPECT_EQ(end.reason, FinishReason::error);
    EXPECT_EQ(end.status.code(), StatusCode::internal) << devices << ": " << end.status.to_string();
    EXPECT_THAT(end.status.message(), HasSubstr("async"));
    EXPECT_TRUE(run(*engine).status.ok()) << devices;
  }
}

TEST_P(DeviceFailure, AStallEndsAtTheDeadlineAndTheDeviceComesBack) {
  const std::string devices = std::string(GetParam()) + "async:0[stall_at=3]";
  const auto engine = make(devices, std::chrono::seconds(2));
  const FinishEvent end = run(*engine);
  EXPECT_EQ(end.status.code(), StatusCode::deadline_exceeded) << end.status.to_string();
  EXPECT_THAT(end.status.message(), HasSubstr("async:0[stall_at=3]"));
  EXPECT_TRUE(run_when_back(*engine).status.ok());
}

INSTANTIATE_TEST_SUITE_P(Beside, DeviceFailure, testing::Values("", "cpu:0,", "reference:0,"));

TEST(DeviceFailure, ShutdownWhileStalled) {
  const auto sink = std::make_shared<RecordingSink>();
  {
    const auto engine = make("cpu:0,async:0[stall_at=3]");
    ASSERT_TRUE(engine->submit(test::greedy({1, 2, 3}, 20), sink).ok());
    sink->wait_for_tokens(1);
  }
  EXPECT_EQ(sink->wait().status.code(), StatusCode::cancelled);
  EXPECT_EQ(sink->ends(), 1);
}

}  // namespace
}  // namespace synfire
