// The engine's actor against devices that answer when the test says so.
#include "core/engine/engine_actor.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/actor/actor_handle.hpp"
#include "core/actor/manual_executor.hpp"
#include "core/engine/generation_session.hpp"
#include "tests/support/engine_fixture.hpp"

namespace synfire {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::RecordingSink;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Box = Mailbox<RunStep, DeviceControl>;

constexpr std::uint32_t kVocab = 5;
constexpr Duration kStepTimeout = seconds(10);

// Device 0 sends to device 1, which gives the logits.
ExecutionPlan make_plan() {
  ExecutionPlan plan;
  plan.devices.resize(2);
  plan.devices[0].stages.resize(1);
  plan.devices[0].stages[0].outputs.resize(1);
  plan.devices[1].stages.resize(1);
  plan.devices[1].stages[0].inputs.resize(1);
  plan.devices[1].stages[0].outputs.resize(1);
  plan.channels = {{{SF_VALUE_ROWS, 4}, {0, 0, 0}, {{1, 0, 0}}},
                   {{SF_VALUE_WANTED_ROWS, kVocab}, {1, 0, 0}, {}}};
  plan.logits = {1};
  return plan;
}

class EngineActorTest : public testing::Test {
 protected:
  EngineActorTest() {
    EngineActorConfig config;
    config.step_timeout = kStepTimeout;
    config.device_ref = [this](DeviceId d) { return DeviceRef(boxes_[d]); };
    config.give_up = [this](DeviceId d, const Status&) { given_up_.push_back(d); };
    config.on_change = [] {};
    config.counters = counters_;
    engine_ = spawn(executor_,
                    std::make_unique<EngineActor>(
                        std::move(config), LayerScheduler(plan_, fabric_, 1, {"first", "second"}),
                        Batcher({4, 2, 4}, KvBlocks(8, 4))));
    for (DeviceId d = 0; d < 2; ++d) up(d, 1);
  }

  void control(EngineControl message) {
    engine_.ref().send_control(std::move(message));
    executor_->run_until_idle();
  }
  void up(DeviceId d, std::uint32_t generation) {
    boxes_[d] = std::make_shared<Box>(2);
    control(DeviceUp{d, generation});
  }
  void down(DeviceId d) { control(DeviceDown{d, error(StatusCode::internal, "it broke")}); }

  std::shared_ptr<RecordingSink> submit(RequestId id, std::uint32_t max_tokens = 1) {
    const auto sink = std::make_shared<RecordingSink>();
    auto session = GenerationSession::make(id, test::greedy({1}, max_tokens), sink, nullptr,
                                           {kVocab, 16}, clock_->now());
    EXPECT_TRUE(session.ok());
    ++counters_->active;
    EngineMessage message = NewSession{*std::move(session)};
    EXPECT_EQ(engine_.ref().try_send(std::move(message)), SendResult::ok);
    executor_->run_until_idle();
    return sink;
  }
  // The device's answer to the step that it has got; `best` is the token that wins.
  void answer(DeviceId d, Status status = {}, std::vector<std::int32_t> best = {3, 3}) {
    const auto step = boxes_[d]->take();
    ASSERT_TRUE(step) << "device " << d << " has no step";
    auto* const logits = static_cast<float*>(fabric_->address(fabric_->port(1, 0).buffer));
    std::fill_n(logits, best.size() * kVocab, 0.0F);
    for (std::size_t row = 0; row < best.size(); ++row) logits[row * kVocab + best[row]] = 1;
    EXPECT_EQ(engine_.ref().try_send(StepDone{step->header, d, std::move(status), 0, 0}),
              SendResult::ok);
    executor_->run_until_idle();
  }
  void answer_both() {
    answer(0);
    answer(1);
  }
  static Status end_of(RecordingSink& sink) {
    EXPECT_EQ(sink.ends(), 1);
    return sink.ends() == 1 ? sink.wait().status : Status();
  }

  const ExecutionPlan plan_ = make_plan();
  const std::shared_ptr<const Fabric> fabric_ =
      std::make_shared<const Fabric>(*Fabric::make(plan_, 4));
  const std::shared_ptr<EngineCounters> counters_ = std::make_shared<EngineCounters>();
  std::array<std::shared_ptr<Box>, 2> boxes_;
  std::vector<DeviceId> given_up_;
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<ManualExecutor> executor_ = std::make_shared<ManualExecutor>(clock_);
  ActorHandle<EngineMessage, EngineControl> engine_;
};

TEST_F(EngineActorTest, TokensComeStepByStep) {
  const auto sink = submit(1, 2);
  answer_both();
  EXPECT_THAT(sink->ids(), ElementsAre(3));
  EXPECT_EQ(sink->ends(), 0);
  answer_both();
  EXPECT_TRUE(end_of(*sink).ok());
  EXPECT_EQ(boxes_[0]->size(), 0U);  // and nobody is asked for more
  EXPECT_EQ(counters_->steps, 2U);
  EXPECT_EQ(counters_->prompt_tokens, 1U);
  EXPECT_EQ(counters_->generated_tokens, 2U);
  EXPECT_EQ(counters_->active, 0U);
}

TEST_F(EngineActorTest, ASilentDeviceIsGivenUpInTwoActs) {
  const auto sink = submit(1);
  const auto waiting = submit(2);
  executor_->advance(kStepTimeout - milliseconds(1));
  EXPECT_EQ(fabric_->state({0, 1}), Fabric::EventState::pending);
  executor_->advance(milliseconds(1));
  EXPECT_EQ(fabric_->state({0, 1}), Fabric::EventState::aborted);
  EXPECT_EQ(sink->ends(), 0);
  answer(1, error(StatusCode::aborted, "given up"));  // it only waited for the other one
  EXPECT_THAT(given_up_, IsEmpty());
  executor_->advance(seconds(5));
  EXPECT_THAT(given_up_, ElementsAre(0));
  EXPECT_EQ(end_of(*sink).code(), StatusCode::deadline_exceeded);
  EXPECT_THAT(end_of(*sink).message(), HasSubstr("no answer from first, second within 10000 ms"));
  EXPECT_EQ(end_of(*waiting).code(), StatusCode::unavailable);
  EXPECT_EQ(boxes_[1]->size(), 0U);  // no step is begun on what is lost
  EXPECT_EQ(end_of(*submit(3)).code(), StatusCode::unavailable);
  down(0);  // said again by who saw it die
  up(0, 2);
  const auto next = submit(4);
  EXPECT_EQ(boxes_[0]->size(), 1U);
  answer_both();
  EXPECT_TRUE(end_of(*next).ok());
}

TEST_F(EngineActorTest, WhoAnswersTheFirstActIsNotLost) {
  const auto sink = submit(1);
  executor_->advance(kStepTimeout);
  answer(0);
  answer(1, error(StatusCode::aborted, "given up"));
  EXPECT_EQ(end_of(*sink).code(), StatusCode::deadline_exceeded);
  executor_->advance(seconds(60));
  EXPECT_THAT(given_up_, IsEmpty());
  const auto next = submit(2);
  answer_both();
  EXPECT_TRUE(end_of(*next).ok());
}

TEST_F(EngineActorTest, AStepInTimeHasNoDeadline) {
  const auto sink = submit(1, 3);
  for (int step = 0; step < 3; ++step) {
    executor_->advance(kStepTimeout - seconds(1));
    answer_both();
  }
  EXPECT_TRUE(end_of(*sink).ok());
}

TEST_F(EngineActorTest, CancelEndsWithTheStepThatIsUnderWay) {
  const auto sink = submit(1, 9);
  control(CancelRequest{1});
  EXPECT_EQ(sink->ends(), 0);
  answer_both();
  EXPECT_EQ(end_of(*sink).code(), StatusCode::cancelled);
  EXPECT_THAT(sink->ids(), IsEmpty());
  EXPECT_EQ(boxes_[0]->size(), 0U);
}

TEST_F(EngineActorTest, CancelOfOneThatWaitsEndsAtOnce) {
  const auto running = submit(1), waiting = submit(2);
  control(CancelRequest{2});
  EXPECT_EQ(end_of(*waiting).code(), StatusCode::cancelled);
  control(CancelRequest{99});  // unknown
  answer_both();
  EXPECT_TRUE(end_of(*running).ok());
}

TEST_F(EngineActorTest, ACancelThatOvertakesItsRequestEndsIt) {
  const auto sink = std::make_shared<RecordingSink>();
  auto session =
      GenerationSession::make(1, test::greedy({1}, 5), sink, nullptr, {kVocab, 16}, clock_->now());
  ++counters_->active;
  EngineMessage message = NewSession{*std::move(session)};
  EXPECT_EQ(engine_.ref().try_send(std::move(message)), SendResult::ok);
  control(CancelRequest{1});  // the control lane is read first
  answer_both();              // one step may have begun
  EXPECT_EQ(end_of(*sink).code(), StatusCode::cancelled);
  EXPECT_THAT(sink->ids(), IsEmpty());
  EXPECT_EQ(boxes_[0]->size(), 0U);
}

TEST_F(EngineActorTest, ALostDeviceEndsAllWhoseCacheItHeld) {
  const auto first = submit(1, 5), second = submit(2, 5);
  answer_both();
  down(1);
  answer(0, error(StatusCode::aborted, "given up"));
  for (const auto& sink : {first, second}) {
    EXPECT_EQ(end_of(*sink).code(), StatusCode::unavailable);
    EXPECT_THAT(end_of(*sink).message(), HasSubstr("it broke"));
  }
  EXPECT_EQ(end_of(*submit(3)).code(), StatusCode::unavailable);
  up(1, 2);
  const auto next = submit(4);
  answer_both();
  EXPECT_TRUE(end_of(*next).ok());
}

TEST_F(EngineActorTest, AFailedStepLeavesWhoeverWaits) {
  const auto first = submit(1), second = submit(2);
  answer(0, error(StatusCode::internal, "out of luck"));
  answer(1, error(StatusCode::aborted, "given up"));
  answer_both();
  std::vector<std::string> ends{end_of(*first).message(), end_of(*second).message()};
  EXPECT_THAT(ends, testing::UnorderedElementsAre("out of luck", ""));
  EXPECT_EQ(counters_->failed, 1U);
  EXPECT_EQ(counters_->finished, 1U);
}

TEST_F(EngineActorTest, EachSessionOfAStepTakesItsOwnLogits) {
  const auto first = submit(1, 3), second = submit(2, 2);
  answer_both();  // of the first alone
  answer(0);
  answer(1, {}, {2, 4});
  EXPECT_THAT(first->ids(), ElementsAre(3, 2));
  EXPECT_THAT(second->ids(), ElementsAre(4));
  answer(0);
  answer(1, {}, {1, 2});
  EXPECT_TRUE(end_of(*first).ok() && end_of(*second).ok());
  EXPECT_THAT(first->ids(), ElementsAre(3, 2, 1));
  EXPECT_THAT(second->ids(), ElementsAre(4, 2));
  EXPECT_EQ(counters_->steps, 3U);
  EXPECT_EQ(counters_->prompt_tokens, 2U);
  EXPECT_EQ(counters_->generated_tokens, 5U);
}

TEST_F(EngineActorTest, OneOfAStepIsCancelledAndTheOthersGoOn) {
  const auto first = submit(1, 9), second = submit(2, 9);
  answer_both();
  control(CancelRequest{1});  // both are in the step under way
  EXPECT_EQ(first->ends(), 0);
  answer(0);
  answer(1, {}, {2, 4});
  EXPECT_EQ(end_of(*first).code(), StatusCode::cancelled);
  EXPECT_THAT(first->ids(), ElementsAre(3));
  EXPECT_THAT(second->ids(), ElementsAre(4));  // its own row
  control(CancelRequest{2});
  answer_both();
  EXPECT_EQ(end_of(*second).code(), StatusCode::cancelled);
  EXPECT_EQ(counters_->cancelled, 2U);
  EXPECT_EQ(boxes_[0]->size(), 0U);
}

TEST_F(EngineActorTest, AFailedStepEndsAllThatAreInIt) {
  const auto first = submit(1, 9), second = submit(2, 9), waiting = submit(3);
  answer_both();
  answer(0, error(StatusCode::internal, "out of luck"));
  answer(1, error(StatusCode::aborted, "given up"));
  EXPECT_EQ(end_of(*first).message(), "out of luck");
  EXPECT_EQ(end_of(*second).message(), "out of luck");
  answer_both();
  EXPECT_TRUE(end_of(*waiting).ok());
}

TEST_F(EngineActorTest, ItsEndIsEverybodysEnd) {
  const auto running = submit(1, 9), waiting = submit(2, 9);
  engine_.reset();
  executor_->run_until_idle();
  for (const auto& sink : {running, waiting})
    EXPECT_EQ(end_of(*sink).message(), "the engine was shut down");
}

}  // namespace
}  // namespace synfire
