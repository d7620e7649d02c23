#include "core/engine/device_actor.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/actor/actor_handle.hpp"
#include "core/actor/manual_executor.hpp"
#include "plugins/host/registry.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::uint64_t kEpoch = 5;
constexpr std::uint32_t kGeneration = 2;

// Channels of the plan below.
enum : std::uint32_t { kIn0, kOut0, kIn1, kOut1, kEmbedded };
// Stages of device 0.
enum : std::uint32_t { kDouble, kDoubleAgain, kEmbed };

// Each look takes a second.
class CountingClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(std::chrono::seconds(++looks_)); }

 private:
  mutable int looks_ = 0;
};

StageOp op(std::uint32_t id, std::vector<std::uint32_t> inputs, std::uint32_t output) {
  return {id, std::move(inputs), {output}, {}, SF_NONE, false, sf_no_params{}};
}

// y = x + x, from port to port.
StageSpec doubling(std::string name) {
  return {std::move(name),
          std::vector<sf_value_desc>(4, {SF_VALUE_ROWS, 4}),
          {op(SF_OP_COPY, {0}, 1), op(SF_OP_ADD, {1, 1}, 2), op(SF_OP_COPY, {2}, 3)},
          {0},
          {3}};
}

StageSpec embedding() {
  StageOp embed{SF_OP_EMBED, {}, {0}, {0}, SF_NONE, false, sf_embed_params{1.0F}};
  return {"embed",
          std::vector<sf_value_desc>(2, {SF_VALUE_ROWS, 4}),
          {std::move(embed), op(SF_OP_COPY, {0}, 1)},
          {},
          {1}};
}

// Device 0 doubles twice what device 1, which is not there, sends it; and embeds tokens.
ExecutionPlan make_plan(const std::vector<float>& table) {
  ExecutionPlan plan;
  plan.devices.resize(2);
  plan.devices[0].weights = {
      {"table", DType::f32, table.size() / 4, 4, reinterpret_cast<const std::byte*>(table.data())}};
  plan.devices[0].stages = {doubling("double"), doubling("double again"), embedding()};
  const sf_value_desc row{SF_VALUE_ROWS, 4};
  plan.channels = {{row, {1, 0, 0}, {{0, kDouble, 0}}},
                   {row, {0, kDouble, 0}, {{1, 1, 0}}},
                   {row, {1, 1, 0}, {{0, kDoubleAgain, 0}}},
                   {row, {0, kDoubleAgain, 0}, {}},
                   {row, {0, kEmbed, 0}, {}}};
  return plan;
}

class DeviceActorTest : public testing::Test {
 protected:
  DeviceActorTest() {
    auto fabric = std::make_shared<Fabric>(*Fabric::make(plan_, kLimits.max_tokens));
    for (const std::uint32_t channel : {kIn0, kIn1})
      fabric->add_waker(channel, [this] { actor_.ref().wake(); });
    fabric->add_waker(kOut0, [this] { ++woken_; });
    fabric_ = fabric;
  }

  DeviceActorConfig config() {
    DeviceActorConfig made;
    made.id = 7;
    made.name = "reference:0";
    made.epoch = kEpoch;
    made.generation = kGeneration;
    made.limits = kLimits;
    made.open = [this]() -> Result<LoadedDevice> {
      SYNFIRE_ASSIGN_OR_RETURN(
          const auto registry,
          host::PluginRegistry::load(std::vector<std::filesystem::path>{test::plugin_dir()}));
      SYNFIRE_ASSIGN_OR_RETURN(const host::Backend backend, registry.require_backend("reference"));
      SYNFIRE_ASSIGN_OR_RETURN(host::Device device, backend.open_device(0, {}));
      return LoadedDevice::load(std::move(device), plan_.devices[0], {}, kLimits.max_tokens);
    };
    made.fabric = fabric_;
    made.on_ready = [this](const host::Aborter&) { ++ready_; };
    made.on_done = [this](StepDone done) { done_.push_back(std::move(done)); };
    return made;
  }
  void start() { start(config()); }
  void start(DeviceActorConfig made) {
    ActorOptions options;
    options.name = "device";
    options.mailbox_capacity = 2;
    options.on_down = [this](const Down& down) { down_.push_back(down); };
    actor_ = spawn(executor_, std::make_unique<DeviceActor>(std::move(made)), std::move(options));
    executor_->run_until_idle();
  }

  RunStep message(std::uint64_t step, std::vector<std::uint32_t> stages) const {
    RunStep made{{kEpoch, 1, step}, {{1, 2}, {0, 1}, {0, 0}, {}, {0}, 1}, {}};
    for (const std::uint32_t stage : stages) {
      StageRun& run = made.runs.emplace_back();
      run.stage = {kEpoch, stage, kGeneration};
      if (stage != kEmbed) run.inputs = {fabric_->port(stage == kDouble ? kIn0 : kIn1, step)};
      run.outputs = {fabric_->port(stage == kDouble  ? kOut0
                                   : stage == kEmbed ? kEmbedded
                                                     : kOut1,
                                   step)};
    }
    return made;
  }
  void send(RunStep step) {
    EXPECT_EQ(actor_.ref().try_send(std::move(step)), SendResult::ok);
    executor_->run_until_idle();
  }
  void control(DeviceControl message) {
    actor_.ref().send_control(std::move(message));
    executor_->run_until_idle();
  }

  float* values(std::uint32_t channel) const {
    return static_cast<float*>(fabric_->address(fabric_->port(channel, 0).buffer));
  }
  // As the other device does it; without `wake`, as one does that cannot call.
  void signal(std::uint32_t channel, std::uint64_t step, bool wake = true) {
    for (int i = 0; i < 8; ++i) values(channel)[i] = static_cast<float>(i);
    std::atomic_ref(*fabric_->flag({channel, step})).store(step, std::memory_order_release);
    if (wake) fabric_->wake(channel);
    executor_->run_until_idle();
  }
  Fabric::EventState state(std::uint32_t channel, std::uint64_t step) const {
    return fabric_->state({channel, step});
  }
  // The one answer since the last call.
  StepDone answer() {
    EXPECT_EQ(done_.size(), 1U);
    StepDone last = done_.empty() ? StepDone{} : done_.back();
    done_.clear();
    return last;
  }
  Status refusal(RunStep step) {
    send(std::move(step));
    const Status status = answer().status;
    EXPECT_EQ(status.code(), StatusCode::invalid_argument);
    EXPECT_THAT(status.message(), StartsWith("reference:0: "));
    return status;
  }

  static constexpr BatchLimits kLimits{4, 2, 2};
  const std::vector<float> table_{0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 5};  // three tokens
  const ExecutionPlan plan_ = make_plan(table_);
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<ManualExecutor> executor_ = std::make_shared<ManualExecutor>(clock_);
  std::shared_ptr<const Fabric> fabric_;
  int ready_ = 0, woken_ = 0;
  std::vector<StepDone> done_;
  std::vector<Down> down_;
  ActorHandle<RunStep, DeviceControl> actor_;
};

TEST_F(DeviceActorTest, OpensItsDeviceInItsFirstTurn) {
  start();
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(done_, IsEmpty());
}

TEST_F(DeviceActorTest, ADeviceThatDoesNotOpenEndsIt) {
  DeviceActorConfig broken = config();
  broken.open = []() -> Result<LoadedDevice> { return error(StatusCode::not_found, "no card"); };
  start(std::move(broken));
  EXPECT_EQ(ready_, 0);
  ASSERT_EQ(down_.size(), 1U);
  EXPECT_EQ(down_[0].reason, DownReason::failed);
  EXPECT_EQ(down_[0].status.message(), "reference:0: no card");
}

TEST_F(DeviceActorTest, RunsAStageOnceItsInputIsThere) {
  start();
  send(message(1, {kDouble}));
  EXPECT_THAT(done_, IsEmpty());
  EXPECT_EQ(state(kOut0, 1), Fabric::EventState::pending);
  signal(kIn0, 1);
  const StepDone done = answer();
  EXPECT_EQ(done.status, Status());
  EXPECT_EQ(done.header, (MessageHeader{kEpoch, 1, 1}));
  EXPECT_EQ(done.device, 7U);
  EXPECT_EQ(state(kOut0, 1), Fabric::EventState::signalled);
  EXPECT_GE(woken_, 1);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(values(kOut0)[i], 2.0F * static_cast<float>(i));
}

TEST_F(DeviceActorTest, StagesRunInOrderEachWithItsOwnWait) {
  start();
  send(message(1, {kEmbed, kDouble, kDoubleAgain}));
  EXPECT_EQ(state(kEmbedded, 1), Fabric::EventState::signalled);
  EXPECT_EQ(values(kEmbedded)[7], 5);
  signal(kIn1, 1);  // the second's, before the first's
  EXPECT_EQ(state(kOut1, 1), Fabric::EventState::pending);
  signal(kIn0, 1);
  EXPECT_TRUE(answer().status.ok());
  EXPECT_EQ(state(kOut1, 1), Fabric::EventState::signalled);
}

TEST_F(DeviceActorTest, StepAfterStep) {
  start();
  for (std::uint64_t step = 1; step <= 20; ++step) {
    send(message(step, {kDouble, kEmbed}));
    signal(kIn0, step);
    EXPECT_EQ(answer().header.step, step);
  }
}

TEST_F(DeviceActorTest, TheNextStepWaitsInTheMailbox) {
  start();
  send(message(1, {kDouble}));
  send(message(2, {kEmbed}));  // could run at once
  EXPECT_THAT(done_, IsEmpty());
  signal(kIn0, 1);
  ASSERT_EQ(done_.size(), 2U);
  EXPECT_EQ(done_[0].header.step, 1U);
  EXPECT_EQ(done_[1].header.step, 2U);
}

TEST_F(DeviceActorTest, LooksAgainWhereNobodyWakesIt) {
  start();
  send(message(1, {kDouble}));
  signal(kIn0, 1, false);
  EXPECT_THAT(done_, IsEmpty());
  executor_->advance(milliseconds(100));
  EXPECT_TRUE(answer().status.ok());
}

TEST_F(DeviceActorTest, TellsHowLongItWaited) {
  start();
  send(message(1, {kDouble}));
  executor_->advance(milliseconds(30));
  signal(kIn0, 1);
  EXPECT_EQ(answer().wait_ns, 30'000'000U);
  send(message(2, {kEmbed}));
  EXPECT_EQ(answer().wait_ns, 0U);
}

TEST_F(DeviceActorTest, SaysWhileStagesRunThatItComputes) {
  DeviceActorConfig counted = config();
  const auto time = std::make_shared<ComputeTime>(std::make_shared<CountingClock>());
  counted.compute_time = time;
  start(std::move(counted));
  send(message(1, {kEmbed, kDouble}));
  EXPECT_EQ(time->total(), std::chrono::seconds(1)) << "waiting is not computing";
  signal(kIn0, 1);
  EXPECT_EQ(time->total(), std::chrono::seconds(2));
  RunStep wrong = message(2, {kEmbed});
  wrong.batch.tokens = {1, 3};  // there are three tokens, 0 to 2
  send(std::move(wrong));
  EXPECT_EQ(time->total(), std::chrono::seconds(3)) << "a stage that fails has ended, too";
  send(message(3, {kEmbed}));
  EXPECT_EQ(time->total(), std::chrono::seconds(4));
}

TEST_F(DeviceActorTest, AnInputThatWasGivenUpEndsTheStep) {
  start();
  send(message(1, {kDouble, kDoubleAgain}));
  fabric_->abort({kIn0, 1});
  executor_->run_until_idle();
  const StepDone done = answer();
  EXPECT_EQ(done.status.code(), StatusCode::aborted);
  EXPECT_THAT(done.status.message(), StartsWith("reference:0: step 1: what it waits for"));
  EXPECT_EQ(state(kOut0, 1), Fabric::EventState::aborted);
  EXPECT_EQ(state(kOut1, 1), Fabric::EventState::aborted);
  EXPECT_GE(woken_, 1);
  // The next one is none the worse for it.
  fabric_->forget_aborts(1);
  send(message(2, {kDouble}));
  signal(kIn0, 2);
  EXPECT_TRUE(answer().status.ok());
}

TEST_F(DeviceActorTest, AStageThatFailsEndsTheStepWithThePluginsWords) {
  start();
  RunStep step = message(1, {kEmbed, kDouble});
  step.batch.tokens = {1, 3};  // there are three tokens, 0 to 2
  send(std::move(step));
  const StepDone done = answer();
  EXPECT_FALSE(done.status.ok());
  EXPECT_THAT(done.status.message(), HasSubstr("reference"));
  EXPECT_THAT(done.status.message(), HasSubstr("3"));
  EXPECT_EQ(state(kEmbedded, 1), Fabric::EventState::aborted);
  EXPECT_EQ(state(kOut0, 1), Fabric::EventState::aborted);
  EXPECT_THAT(down_, IsEmpty());
}

TEST_F(DeviceActorTest, CancelEndsTheStepThatItNames) {
  start();
  send(message(1, {kDouble}));
  control(CancelStep{{kEpoch, 1, 2}});
  control(CancelStep{{kEpoch, 2, 1}});
  EXPECT_THAT(done_, IsEmpty());
  control(CancelStep{{kEpoch, 1, 1}});
  const StepDone done = answer();
  EXPECT_EQ(done.status.code(), StatusCode::cancelled);
  EXPECT_EQ(done.status.message(), "reference:0: step 1 cancelled");
  EXPECT_EQ(state(kOut0, 1), Fabric::EventState::aborted);
  control(CancelStep{{kEpoch, 1, 1}});  // it is over
  EXPECT_THAT(done_, IsEmpty());
  fabric_->forget_aborts(1);
  send(message(2, {kEmbed}));
  EXPECT_TRUE(answer().status.ok());
}

TEST_F(DeviceActorTest, StopAnswersTheStepAndEnds) {
  start();
  send(message(1, {kDouble}));
  control(StopDevice{});
  EXPECT_EQ(answer().status.code(), StatusCode::cancelled);
  ASSERT_EQ(down_.size(), 1U);
  EXPECT_EQ(down_[0].reason, DownReason::stopped);
  EXPECT_EQ(actor_.ref().try_send(message(2, {kEmbed})), SendResult::closed);
}

TEST_F(DeviceActorTest, StopWithoutAStep) {
  start();
  control(StopDevice{});
  EXPECT_THAT(done_, IsEmpty());
  ASSERT_EQ(down_.size(), 1U);
  EXPECT_EQ(down_[0].reason, DownReason::stopped);
}

TEST_F(DeviceActorTest, KilledWhileItWaitsItSaysNothing) {
  start();
  send(message(1, {kDouble}));
  EXPECT_TRUE(actor_.kill(error(StatusCode::deadline_exceeded, "too late")));
  executor_->run_until_idle();
  signal(kIn0, 1);
  EXPECT_THAT(done_, IsEmpty());
  ASSERT_EQ(down_.size(), 1U);
  EXPECT_EQ(down_[0].reason, DownReason::killed);
}

TEST_F(DeviceActorTest, StepsOfAnotherEpochAreDropped) {
  start();
  RunStep stale = message(1, {kEmbed});
  stale.header.epoch = kEpoch - 1;
  send(std::move(stale));
  EXPECT_THAT(done_, IsEmpty());
  send(message(2, {kEmbed}));
  EXPECT_TRUE(answer().status.ok());
}

TEST_F(DeviceActorTest, StagesThatThereAreNot) {
  start();
  RunStep step = message(1, {kEmbed});
  step.runs[0].stage.slot = 3;
  EXPECT_EQ(refusal(std::move(step)).message(),
            "reference:0: stage 3 of epoch 5, generation 2: there is none; want one of 3 of epoch "
            "5, generation 2");
  step = message(2, {kEmbed});
  step.runs[0].stage.generation = 1;
  EXPECT_THAT(refusal(std::move(step)).message(), HasSubstr("generation 1: there is none"));
  step = message(3, {kEmbed});
  step.runs[0].stage.epoch = 4;
  EXPECT_THAT(refusal(std::move(step)).message(), HasSubstr("of epoch 4"));
}

TEST_F(DeviceActorTest, PortsThatAreMissingOrTooMany) {
  start();
  RunStep step = message(1, {kDouble});
  step.runs[0].inputs.clear();
  EXPECT_EQ(refusal(std::move(step)).message(),
            "reference:0: stage 0: 0 inputs and 1 outputs, want 1 and 1");
  step = message(2, {kEmbed});
  step.runs[0].outputs.clear();
  EXPECT_EQ(refusal(std::move(step)).message(),
            "reference:0: stage 2: 0 inputs and 0 outputs, want 0 and 1");
  step = message(3, {kEmbed});
  step.runs[0].outputs.push_back(step.runs[0].outputs[0]);
  EXPECT_THAT(refusal(std::move(step)).message(), HasSubstr("2 outputs, want 0 and 1"));
}

TEST_F(DeviceActorTest, PortsOutsideTheSharedMemory) {
  start();
  RunStep step = message(1, {kDouble, kEmbed});
  step.runs[0].outputs[0].buffer.offset = 1U << 30;
  step.runs[1].outputs[0].event.slot = 99;
  EXPECT_EQ(refusal(std::move(step)).message(),
            "reference:0: stage 0: a port lies outside the shared memory");
  fabric_->forget_aborts(1);
  step = message(2, {kEmbed});
  step.runs[0].outputs[0].buffer.length = 31;  // two rows of four floats are 32 bytes
  send(std::move(step));
  EXPECT_EQ(answer().status.code(), StatusCode::invalid_argument);
}

TEST_F(DeviceActorTest, BatchesThatContradictThemselves) {
  start();
  RunStep step = message(1, {kEmbed});
  step.batch.positions.pop_back();
  EXPECT_EQ(refusal(std::move(step)).message(),
            "reference:0: batch: 2 tokens, but 1 positions and 2 sequences");
  EXPECT_EQ(state(kEmbedded, 1), Fabric::EventState::aborted);  // whoever waits hears of it
}

}  // namespace
}  // namespace synfire
