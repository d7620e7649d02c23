#include "core/actor/supervisor.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/actor/actor_handle.hpp"
#include "core/actor/manual_executor.hpp"

namespace synfire {
namespace {

using std::chrono::seconds;
using Kind = ChildEvent::Kind;
using Kinds = std::vector<Kind>;

class Fragile final : public Actor<std::string> {
 public:
  void receive(std::string&& message) override {
    if (message == "stop") return stop();
    throw std::runtime_error(message);
  }
};

class SupervisorTest : public testing::Test {
 protected:
  ChildSpec fragile(RestartLimit limit) {
    ChildSpec spec;
    spec.name = "fragile";
    spec.limit = limit;
    spec.start = [this](DownListener on_down) {
      ++starts_;
      ActorOptions options;
      options.name = "fragile";
      options.on_down = std::move(on_down);
      child_ = spawn(executor_, std::make_unique<Fragile>(), options);
      return start_status_;
    };
    spec.on_event = [this](const ChildEvent& event) { events_.push_back(event); };
    return spec;
  }
  void say(std::string message) {
    ASSERT_EQ(child_.ref().try_send(std::move(message)), SendResult::ok);
    executor_->run_until_idle();
  }
  Kinds kinds() const {
    Kinds all;
    for (const ChildEvent& event : events_) all.push_back(event.kind);
    return all;
  }

  std::shared_ptr<ManualExecutor> executor_ = std::make_shared<ManualExecutor>();
  std::shared_ptr<Supervisor> supervisor_ = Supervisor::create(executor_);
  ActorHandle<std::string> child_;
  std::vector<ChildEvent> events_;
  Status start_status_;
  int starts_ = 0;
};

TEST_F(SupervisorTest, StartsAChild) {
  supervisor_->supervise(fragile({}));
  executor_->run_until_idle();
  EXPECT_EQ(starts_, 1);
  EXPECT_TRUE(child_.alive());
  EXPECT_TRUE(events_.empty());
}

TEST_F(SupervisorTest, RestartsAfterAFailure) {
  supervisor_->supervise(fragile({}));
  executor_->run_until_idle();
  say("broken");
  EXPECT_EQ(kinds(), (Kinds{Kind::down, Kind::restarted}));
  EXPECT_EQ(events_[0].incarnation, 0u);
  EXPECT_EQ(events_[0].down.reason, DownReason::failed);
  EXPECT_EQ(events_[0].down.status.message(), "actor fragile: broken");
  EXPECT_EQ(events_[1].incarnation, 1u);
  EXPECT_TRUE(child_.alive());
}

TEST_F(SupervisorTest, RestartsAfterAKill) {
  supervisor_->supervise(fragile({}));
  executor_->run_until_idle();
  child_.kill(error(StatusCode::deadline_exceeded, "stalled"));
  executor_->run_until_idle();
  EXPECT_EQ(kinds(), (Kinds{Kind::down, Kind::restarted}));
  EXPECT_TRUE(child_.alive());
}

TEST_F(SupervisorTest, LeavesAStoppedChildAlone) {
  supervisor_->supervise(fragile({}));
  executor_->run_until_idle();
  say("stop");
  EXPECT_EQ(kinds(), (Kinds{Kind::down, Kind::ended}));
  EXPECT_EQ(starts_, 1);
}

TEST_F(SupervisorTest, AsksTheSpecWhetherToRestart) {
  ChildSpec spec = fragile({});
  spec.wants_restart = [](const Down& down) { return down.reason == DownReason::stopped; };
  supervisor_->supervise(std::move(spec));
  executor_->run_until_idle();
  say("stop");
  EXPECT_EQ(starts_, 2);
  say("broken");
  EXPECT_EQ(kinds(), (Kinds{Kind::down, Kind::restarted, Kind::down, Kind::ended}));
}

TEST_F(SupervisorTest, GivesUpBeyondTheLimit) {
  supervisor_->supervise(fragile({.max_restarts = 2, .window = seconds(10)}));
  executor_->run_until_idle();
  for (int i = 0; i < 3; ++i) say("broken");
  EXPECT_EQ(kinds(), (Kinds{Kind::down, Kind::restarted, Kind::down, Kind::restarted, Kind::down,
                            Kind::exhausted}));
  EXPECT_EQ(starts_, 3);
  EXPECT_FALSE(child_.alive());
  EXPECT_EQ(events_.back().down.status.message(), "actor fragile: broken");
}

TEST_F(SupervisorTest, ForgetsRestartsThatLeftTheWindow) {
  supervisor_->supervise(fragile({.max_restarts = 1, .window = seconds(10)}));
  executor_->run_until_idle();
  say("broken");
  executor_->advance(seconds(10));
  say("broken");
  EXPECT_EQ(starts_, 3);
  executor_->advance(seconds(9));
  say("broken");
  EXPECT_EQ(starts_, 3);
  EXPECT_EQ(kinds().back(), Kind::exhausted);
}

TEST_F(SupervisorTest, NoRestartsAtAllExhaustAtOnce) {
  supervisor_->supervise(fragile({.max_restarts = 0}));
  executor_->run_until_idle();
  say("broken");
  EXPECT_EQ(kinds(), (Kinds{Kind::down, Kind::exhausted}));
}

TEST_F(SupervisorTest, WaitsBeforeARestart) {
  supervisor_->supervise(fragile({.delay = seconds(2)}));
  executor_->run_until_idle();
  say("broken");
  executor_->advance(seconds(1));
  EXPECT_EQ(starts_, 1);
  executor_->advance(seconds(1));
  EXPECT_EQ(starts_, 2);
}

// start() leaves an actor behind and says that it failed: told once, not twice.
TEST_F(SupervisorTest, AFailedStartIsADown) {
  start_status_ = error(StatusCode::unavailable, "no such device");
  supervisor_->supervise(fragile({.max_restarts = 1}));
  executor_->run_until_idle();
  EXPECT_EQ(starts_, 2);
  EXPECT_EQ(kinds(), (Kinds{Kind::down, Kind::down, Kind::exhausted}));
  EXPECT_EQ(events_[0].down.status.code(), StatusCode::unavailable);
  EXPECT_EQ(events_[0].down.status.message(), "start of fragile: no such device");
  child_.kill(error(StatusCode::internal, "late"));
  executor_->run_until_idle();
  EXPECT_EQ(events_.size(), 3u);
}

TEST_F(SupervisorTest, AStartThatThrowsIsADown) {
  ChildSpec spec = fragile({.max_restarts = 0});
  spec.start = [](DownListener) -> Status { throw std::runtime_error("no memory"); };
  supervisor_->supervise(std::move(spec));
  executor_->run_until_idle();
  ASSERT_EQ(kinds(), (Kinds{Kind::down, Kind::exhausted}));
  EXPECT_EQ(events_[0].down.status.message(), "start of fragile: no memory");
}

TEST_F(SupervisorTest, StoppedItRestartsNothing) {
  supervisor_->supervise(fragile({}));
  executor_->run_until_idle();
  supervisor_->stop();
  say("broken");
  EXPECT_TRUE(events_.empty());
  EXPECT_EQ(starts_, 1);
}

TEST_F(SupervisorTest, ItsChildrenOutliveIt) {
  supervisor_->supervise(fragile({}));
  executor_->run_until_idle();
  supervisor_.reset();
  say("broken");
  EXPECT_EQ(starts_, 1);
}

TEST_F(SupervisorTest, CountsEachChildOnItsOwn) {
  ActorHandle<std::string> other;
  ChildSpec spec = fragile({.max_restarts = 0});
  spec.start = [&](DownListener on_down) {
    other = spawn(executor_, std::make_unique<Fragile>(), {.on_down = std::move(on_down)});
    return Status();
  };
  supervisor_->supervise(std::move(spec));
  supervisor_->supervise(fragile({.max_restarts = 1}));
  executor_->run_until_idle();
  ASSERT_EQ(other.ref().try_send("broken"), SendResult::ok);
  executor_->run_until_idle();
  EXPECT_EQ(kinds(), (Kinds{Kind::down, Kind::exhausted}));
  say("broken");
  EXPECT_EQ(kinds().back(), Kind::restarted);
}

}  // namespace
}  // namespace synfire
