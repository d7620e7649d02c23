#include "core/engine/layer_scheduler.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Box = Mailbox<RunStep, DeviceControl>;

constexpr std::uint64_t kEpoch = 3;

// Device 0 forks to device 1 and joins; device 2 has nothing to do.
ExecutionPlan make_plan() {
  ExecutionPlan plan;
  plan.devices.resize(3);
  const auto stage = [](std::size_t inputs, std::size_t outputs) {
    StageSpec spec;
    spec.inputs.resize(inputs);
    spec.outputs.resize(outputs);
    return spec;
  };
  plan.devices[0].stages = {stage(0, 1), stage(1, 1)};
  plan.devices[1].stages = {stage(1, 1)};
  plan.channels = {{{SF_VALUE_ROWS, 4}, {0, 0, 0}, {{1, 0, 0}}},
                   {{SF_VALUE_ROWS, 4}, {1, 0, 0}, {{0, 1, 0}}},
                   {{SF_VALUE_WANTED_ROWS, 5}, {0, 1, 0}, {}}};
  plan.logits = {2};
  plan.forks = 1;
  plan.joins = 1;
  return plan;
}

class LayerSchedulerTest : public testing::Test {
 protected:
  LayerSchedulerTest() {
    for (DeviceId d = 0; d < 3; ++d) up(d, 1);
  }
  void up(DeviceId d, std::uint32_t generation) {
    boxes_[d] = std::make_shared<Box>(1);
    scheduler_.device_up(d, DeviceRef(boxes_[d]), generation);
  }
  StepDone done(DeviceId d, Status status = {}) const {
    return {{kEpoch, 9, scheduler_.step_number()}, d, std::move(status), 0, 0};
  }
  std::uint64_t begin() {
    const auto begun = scheduler_.begin(9, {{1}, {0}, {0}, {0}, {0}, 1});
    EXPECT_TRUE(begun.ok()) << begun.status().to_string();
    return *begun;
  }
  // Both devices did all they were told.
  void finish_step() {
    for (DeviceId d = 0; d < 2; ++d) boxes_[d]->take();
    EXPECT_FALSE(scheduler_.on_done(done(0)));
    EXPECT_EQ(scheduler_.on_done(done(1)), Status());
  }
  Fabric::EventState state(std::uint32_t channel) const {
    return fabric_->state({channel, scheduler_.step_number()});
  }

  const ExecutionPlan plan_ = make_plan();
  const std::shared_ptr<const Fabric> fabric_ =
      std::make_shared<const Fabric>(*Fabric::make(plan_, 2));
  LayerScheduler scheduler_{plan_, fabric_, kEpoch, {"a", "b", "c"}};
  std::array<std::shared_ptr<Box>, 3> boxes_;
};

TEST_F(LayerSchedulerTest, OneMessagePerDeviceAndStep) {
  EXPECT_EQ(begin(), 1U);
  EXPECT_TRUE(scheduler_.busy());
  EXPECT_EQ(boxes_[2]->size(), 0U);  // nothing for it to do
  const auto first = boxes_[0]->take();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->header, (MessageHeader{kEpoch, 9, 1}));
  EXPECT_THAT(first->batch.tokens, ElementsAre(1));
  ASSERT_EQ(first->runs.size(), 2U);
  EXPECT_EQ(first->runs[1].stage, (StageHandle{kEpoch, 1, 1}));
  EXPECT_THAT(first->runs[0].inputs, IsEmpty());
  EXPECT_THAT(first->runs[0].outputs, ElementsAre(fabric_->port(0, 1)));
  EXPECT_THAT(first->runs[1].inputs, ElementsAre(fabric_->port(1, 1)));
  EXPECT_THAT(first->runs[1].outputs, ElementsAre(fabric_->port(2, 1)));
  const auto second = boxes_[1]->take();
  ASSERT_TRUE(second);
  EXPECT_THAT(second->runs[0].inputs, ElementsAre(fabric_->port(0, 1)));
  EXPECT_THAT(second->runs[0].outputs, ElementsAre(fabric_->port(1, 1)));
}

TEST_F(LayerSchedulerTest, AStepEndsWhenAllHaveAnswered) {
  begin();
  EXPECT_THAT(scheduler_.unanswered(), ElementsAre(0, 1));
  EXPECT_FALSE(scheduler_.on_done(done(1)));
  EXPECT_THAT(scheduler_.unanswered(), ElementsAre(0));
  EXPECT_FALSE(scheduler_.on_done(done(1)));  // once is enough
  EXPECT_EQ(scheduler_.on_done(done(0)), Status());
  EXPECT_FALSE(scheduler_.busy());
  EXPECT_THAT(scheduler_.unanswered(), IsEmpty());
  EXPECT_EQ(scheduler_.forks(), 1U);
  EXPECT_EQ(scheduler_.joins(), 1U);
}

TEST_F(LayerSchedulerTest, AnswersToSomethingElseAreDropped) {
  EXPECT_FALSE(scheduler_.on_done(done(0)));  // no step is under way
  begin();
  finish_step();
  begin();
  StepDone stale = done(0);
  stale.header.step = 1;
  EXPECT_FALSE(scheduler_.on_done(stale));
  stale = done(0);
  stale.header.epoch = kEpoch - 1;
  EXPECT_FALSE(scheduler_.on_done(stale));
  EXPECT_FALSE(scheduler_.on_done(done(2)));
  EXPECT_FALSE(scheduler_.on_done(done(77)));
  EXPECT_THAT(scheduler_.unanswered(), ElementsAre(0, 1));
}

TEST_F(LayerSchedulerTest, TheFirstCauseIsTheStepsError) {
  begin();
  EXPECT_FALSE(scheduler_.on_done(done(0, error(StatusCode::aborted, "given up"))));
  const auto outcome = scheduler_.on_done(done(1, error(StatusCode::internal, "it broke")));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->message(), "it broke");  // what the other said was because of it
  EXPECT_EQ(scheduler_.forks(), 0U);
}

TEST_F(LayerSchedulerTest, AFailureEndsTheWaitOfTheOthers) {
  begin();
  EXPECT_EQ(state(0), Fabric::EventState::pending);
  EXPECT_FALSE(scheduler_.on_done(done(0, error(StatusCode::internal, "it broke"))));
  EXPECT_EQ(state(0), Fabric::EventState::aborted);
  EXPECT_TRUE(scheduler_.on_done(done(1, error(StatusCode::aborted, "given up"))));
  for (const auto& box : boxes_) box->take();
  begin();
  for (const std::uint32_t channel : {0U, 1U, 2U})
    EXPECT_EQ(state(channel), Fabric::EventState::pending) << channel;
}

TEST_F(LayerSchedulerTest, ALostDeviceEndsItsPartOfTheStep) {
  begin();
  EXPECT_FALSE(scheduler_.on_down({1, error(StatusCode::internal, "boom")}));
  EXPECT_FALSE(scheduler_.all_up());
  EXPECT_EQ(state(1), Fabric::EventState::aborted);
  EXPECT_FALSE(scheduler_.on_done(done(1)));  // too late
  const auto outcome = scheduler_.on_done(done(0, error(StatusCode::aborted, "given up")));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code(), StatusCode::unavailable);
  EXPECT_EQ(outcome->message(), "device b: boom");
  boxes_[0]->take();
  up(1, 2);
  EXPECT_TRUE(scheduler_.all_up());
  begin();
  EXPECT_EQ(boxes_[1]->take()->runs[0].stage.generation, 2U);
}

TEST_F(LayerSchedulerTest, ALossWithoutAStepIsNoOutcome) {
  EXPECT_FALSE(scheduler_.on_down({2, error(StatusCode::internal, "boom")}));
  EXPECT_FALSE(scheduler_.all_up());
  begin();  // who asks for a step while one is down finds out which
  EXPECT_FALSE(scheduler_.on_down({2, error(StatusCode::internal, "again")}));
  EXPECT_TRUE(scheduler_.busy());  // it has no part in the step
}

TEST_F(LayerSchedulerTest, AStepThatWasGivenUpNamesWhoIsSilent) {
  const std::uint64_t step = begin();
  EXPECT_FALSE(scheduler_.give_up_step(step - 1, std::chrono::seconds(2)));
  EXPECT_FALSE(scheduler_.on_done(done(0)));
  EXPECT_TRUE(scheduler_.give_up_step(step, std::chrono::seconds(2)));
  EXPECT_EQ(state(1), Fabric::EventState::aborted);  // whoever waits for others can answer now
  EXPECT_TRUE(scheduler_.busy());
  const auto outcome = scheduler_.on_done(done(1, error(StatusCode::aborted, "given up")));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code(), StatusCode::deadline_exceeded);
  EXPECT_EQ(outcome->message(), "step 1: no answer from b within 2000 ms");
  EXPECT_FALSE(scheduler_.give_up_step(step, std::chrono::seconds(2)));
  EXPECT_FALSE(scheduler_.on_deadline(step));
}

TEST_F(LayerSchedulerTest, WhoIsStillSilentIsNotWaitedFor) {
  const std::uint64_t step = begin();
  EXPECT_TRUE(scheduler_.give_up_step(step, std::chrono::seconds(2)));
  EXPECT_FALSE(scheduler_.on_done(done(0, error(StatusCode::aborted, "given up"))));
  EXPECT_FALSE(scheduler_.on_deadline(step - 1));
  EXPECT_THAT(scheduler_.unanswered(), ElementsAre(1));
  const auto outcome = scheduler_.on_deadline(step);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->message(), "step 1: no answer from a, b within 2000 ms");
  EXPECT_FALSE(scheduler_.busy());
  EXPECT_FALSE(scheduler_.on_done(done(1)));
  EXPECT_EQ(state(0), Fabric::EventState::signalled);  // nothing of it is left for the next step
}

TEST_F(LayerSchedulerTest, ADeviceThatTakesNothingFailsTheStepOfTheOthersToo) {
  begin();
  EXPECT_FALSE(scheduler_.on_done(done(1)));
  EXPECT_TRUE(scheduler_.on_done(done(0)));
  boxes_[0]->take();  // device 1 has not taken its message yet: it is full
  const auto begun = scheduler_.begin(9, {});
  ASSERT_TRUE(begun.ok());  // device 0 has it, so the step is under way
  EXPECT_EQ(state(0), Fabric::EventState::aborted);
  EXPECT_THAT(scheduler_.unanswered(), ElementsAre(0));
  const auto outcome = scheduler_.on_done(done(0, error(StatusCode::aborted, "given up")));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code(), StatusCode::unavailable);
  EXPECT_EQ(outcome->message(), "device b: its mailbox is full");
}

TEST_F(LayerSchedulerTest, WhenNobodyTakesItNothingIsUnderWay) {
  for (const auto& box : boxes_) box->close();
  const auto begun = scheduler_.begin(9, {});
  EXPECT_EQ(begun.status().code(), StatusCode::unavailable);
  EXPECT_THAT(begun.status().message(), HasSubstr("its mailbox is closed"));
  EXPECT_FALSE(scheduler_.busy());
}

TEST_F(LayerSchedulerTest, LogitsAreRowsOfTheirChannel) {
  begin();
  finish_step();
  auto* const rows = static_cast<float*>(fabric_->address(fabric_->port(2, 1).buffer));
  for (int i = 0; i < 10; ++i) rows[i] = static_cast<float>(i);
  EXPECT_THAT(scheduler_.logits(0), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(scheduler_.logits(1), ElementsAre(5, 6, 7, 8, 9));
}

TEST(LayerScheduler, PartsOfTheLogitsAreOneRow) {
  ExecutionPlan plan;
  plan.devices.resize(2);
  plan.devices[0].stages = plan.devices[1].stages = {{"head", {}, {}, {}, {0}}};
  plan.channels = {{{SF_VALUE_WANTED_ROWS, 1}, {1, 0, 0}, {}},
                   {{SF_VALUE_WANTED_ROWS, 3}, {0, 0, 0}, {}}};
  plan.logits = {1, 0};
  const auto fabric = std::make_shared<const Fabric>(*Fabric::make(plan, 2));
  LayerScheduler scheduler(plan, fabric, 1, {"a", "b"});
  const auto fill = [&](std::uint32_t channel, std::vector<float> values) {
    std::copy(values.begin(), values.end(),
              static_cast<float*>(fabric->address(fabric->port(channel, 0).buffer)));
  };
  fill(1, {1, 2, 3, 10, 20, 30});
  fill(0, {4, 40});
  EXPECT_THAT(scheduler.logits(1), ElementsAre(10, 20, 30, 40));
  EXPECT_THAT(scheduler.logits(0), ElementsAre(1, 2, 3, 4));
}

TEST(LayerScheduler, APlanWithoutStagesIsAnError) {
  ExecutionPlan plan;
  plan.devices.resize(1);
  LayerScheduler scheduler(plan, std::make_shared<const Fabric>(*Fabric::make(plan, 1)), 1, {"a"});
  EXPECT_FALSE(scheduler.all_up());
  EXPECT_EQ(scheduler.begin(1, {}).status().message(), "the plan has no stages");
}

}  // namespace
}  // namespace synfire
