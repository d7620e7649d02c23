#include "core/actor/actor.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/actor/actor_handle.hpp"
#include "core/actor/manual_executor.hpp"

namespace synfire {
namespace {

using std::chrono::milliseconds;

struct Journal {
  std::vector<std::string> lines;
  std::vector<Down> downs;
  std::optional<Wait> wait;  // what poll() answers
  int polls = 0;
  bool destroyed = false;
};

// Writes down what happens to it. Messages "throw", "stop" and "fail" do that.
class Scribe final : public Actor<std::string, std::string> {
 public:
  explicit Scribe(Journal* journal) : journal_(*journal) {}
  ~Scribe() override { journal_.destroyed = true; }

  void on_start() override { journal_.lines.push_back("start"); }
  void receive(std::string&& message) override {
    journal_.lines.push_back(message);
    if (message == "throw") throw std::runtime_error("broken");
    if (message == "throw int") throw 1;
    if (message == "stop") stop();
    if (message == "fail") stop(error(StatusCode::data_loss, "lost it"));
  }
  void receive_control(std::string&& control) override { receive("!" + control); }
  std::optional<Wait> poll() override {
    ++journal_.polls;
    return journal_.wait;
  }

 private:
  Journal& journal_;
};

class ActorTest : public testing::Test {
 protected:
  using Handle = ActorHandle<std::string, std::string>;

  Handle spawn_scribe(ActorOptions options = {}) { return spawn_scribe(&journal_, options); }
  Handle spawn_scribe(Journal* journal, ActorOptions options) {
    options.name = "scribe";
    options.on_down = [journal](const Down& down) { journal->downs.push_back(down); };
    return spawn(executor_, std::make_unique<Scribe>(journal), options);
  }
  void send(const Handle& handle, std::string text) {
    ASSERT_EQ(handle.ref().try_send(std::move(text)), SendResult::ok);
  }
  void expect_down(DownReason reason, StatusCode code) {
    ASSERT_EQ(journal_.downs.size(), 1u);
    EXPECT_EQ(journal_.downs[0].reason, reason);
    EXPECT_EQ(journal_.downs[0].status.code(), code);
    EXPECT_EQ(journal_.downs[0].actor, "scribe");
  }

  Journal journal_, other_;  // outlive the actors that the executor still owns
  std::shared_ptr<ManualExecutor> executor_ = std::make_shared<ManualExecutor>();
};

using Lines = std::vector<std::string>;

TEST_F(ActorTest, StartsWithoutAMessage) {
  const Handle handle = spawn_scribe();
  EXPECT_TRUE(journal_.lines.empty()) << "nothing runs outside the executor";
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines, Lines{"start"});
}

TEST_F(ActorTest, ReadsControlFirst) {
  const Handle handle = spawn_scribe();
  send(handle, "a");
  send(handle, "b");
  handle.ref().send_control("cancel");
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines, (Lines{"start", "!cancel", "a", "b"}));
}

TEST_F(ActorTest, SharesItsExecutorFairly) {
  ActorOptions two_each;
  two_each.messages_per_turn = 2;
  const Handle first = spawn_scribe(two_each);
  const Handle second = spawn_scribe(&other_, two_each);
  for (int i = 0; i < 6; ++i) send(first, "m");
  send(second, "n");
  executor_->run_one();
  EXPECT_EQ(journal_.lines.size(), 3u);  // start and two messages
  executor_->run_one();
  EXPECT_EQ(other_.lines, (Lines{"start", "n"}));
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines.size(), 7u);
}

TEST_F(ActorTest, AlwaysReadsAtLeastOneMessagePerTurn) {
  ActorOptions none;
  none.messages_per_turn = 0;
  const Handle handle = spawn_scribe(none);
  send(handle, "a");
  EXPECT_LT(executor_->run_until_idle(100), 100u);
  EXPECT_EQ(journal_.lines, (Lines{"start", "a"}));
}

TEST_F(ActorTest, AnExceptionEndsItAndIsTold) {
  const Handle handle = spawn_scribe();
  send(handle, "throw");
  send(handle, "never read");
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines, (Lines{"start", "throw"}));
  expect_down(DownReason::failed, StatusCode::internal);
  EXPECT_EQ(journal_.downs[0].status.message(), "actor scribe: broken");
  EXPECT_FALSE(handle.alive());
  EXPECT_TRUE(journal_.destroyed);
  EXPECT_EQ(handle.ref().try_send("x"), SendResult::closed);
  EXPECT_EQ(handle.ref().send_control("x"), SendResult::closed);
}

TEST_F(ActorTest, AnExceptionOfAnyTypeEndsIt) {
  const Handle handle = spawn_scribe();
  send(handle, "throw int");
  executor_->run_until_idle();
  expect_down(DownReason::failed, StatusCode::internal);
}

TEST_F(ActorTest, StopsItself) {
  const Handle handle = spawn_scribe();
  send(handle, "stop");
  send(handle, "never read");
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines, (Lines{"start", "stop"}));
  expect_down(DownReason::stopped, StatusCode::ok);
}

TEST_F(ActorTest, StopsItselfWithAnError) {
  const Handle handle = spawn_scribe();
  send(handle, "fail");
  executor_->run_until_idle();
  expect_down(DownReason::failed, StatusCode::data_loss);
}

TEST_F(ActorTest, DrainReadsWhatItHasAndEnds) {
  Handle handle = spawn_scribe();
  send(handle, "a");
  handle.drain();
  EXPECT_EQ(handle.ref().try_send("late"), SendResult::closed);
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines, (Lines{"start", "a"}));
  expect_down(DownReason::stopped, StatusCode::ok);
  EXPECT_TRUE(journal_.destroyed);
}

TEST_F(ActorTest, DrainWaitsForWhatItIsBlockedOn) {
  Handle handle = spawn_scribe();
  journal_.wait = Wait{executor_->clock().now() + milliseconds(5)};
  handle.drain();
  executor_->run_until_idle();
  EXPECT_TRUE(handle.alive());
  journal_.wait.reset();
  executor_->advance(milliseconds(5));
  expect_down(DownReason::stopped, StatusCode::ok);
}

TEST_F(ActorTest, KillClosesAtOnceAndTellsOnce) {
  Handle handle = spawn_scribe();
  executor_->run_until_idle();
  send(handle, "never read");
  EXPECT_TRUE(handle.kill(error(StatusCode::deadline_exceeded, "stalled")));
  EXPECT_FALSE(handle.kill(error(StatusCode::internal, "again")));
  EXPECT_EQ(handle.ref().try_send("x"), SendResult::closed);
  expect_down(DownReason::killed, StatusCode::deadline_exceeded);
  EXPECT_FALSE(journal_.destroyed) << "its destructor belongs on its executor";
  executor_->run_until_idle();
  EXPECT_TRUE(journal_.destroyed);
  EXPECT_EQ(journal_.lines, Lines{"start"});
}

TEST_F(ActorTest, DroppingTheHandleEndsIt) {
  ActorRef<std::string, std::string> ref;
  {
    const Handle handle = spawn_scribe();
    ref = handle.ref();
    executor_->run_until_idle();
    EXPECT_EQ(ref.try_send("never read"), SendResult::ok);
  }
  expect_down(DownReason::stopped, StatusCode::ok);
  EXPECT_TRUE(ref.closed());
  executor_->run_until_idle();
  EXPECT_TRUE(journal_.destroyed);
  EXPECT_EQ(journal_.lines, Lines{"start"});
  ref.wake();
  EXPECT_EQ(executor_->ready(), 0u) << "a dead actor gets no turns";
}

TEST_F(ActorTest, AssigningAHandleEndsTheOldActor) {
  Handle handle = spawn_scribe();
  handle = spawn_scribe(&other_, {});
  executor_->run_until_idle();
  expect_down(DownReason::stopped, StatusCode::ok);
  EXPECT_TRUE(handle.alive());
  EXPECT_EQ(other_.lines, Lines{"start"});
}

TEST_F(ActorTest, AStoppedExecutorEndsAQueuedActor) {
  const Handle handle = spawn_scribe();
  executor_->stop();
  expect_down(DownReason::executor_stopped, StatusCode::unavailable);
  EXPECT_TRUE(journal_.destroyed);
  EXPECT_TRUE(handle.ref().closed());
}

TEST_F(ActorTest, AStoppedExecutorEndsAnIdleActorWhenSomethingIsSent) {
  const Handle handle = spawn_scribe();
  executor_->run_until_idle();
  executor_->stop();
  EXPECT_TRUE(journal_.downs.empty());
  static_cast<void>(handle.ref().try_send("x"));
  expect_down(DownReason::executor_stopped, StatusCode::unavailable);
  EXPECT_TRUE(journal_.destroyed);
}

TEST_F(ActorTest, EndsWhenItsExecutorIsGone) {
  const Handle handle = spawn_scribe();
  executor_->run_until_idle();
  executor_.reset();
  static_cast<void>(handle.ref().try_send("x"));
  expect_down(DownReason::executor_stopped, StatusCode::unavailable);
  EXPECT_TRUE(journal_.destroyed);
}

TEST_F(ActorTest, AQueuedTurnDoesNotKeepTheExecutorAlive) {
  const Handle handle = spawn_scribe();
  const std::weak_ptr<ManualExecutor> watched = executor_;
  executor_.reset();
  EXPECT_TRUE(watched.expired());
  expect_down(DownReason::executor_stopped, StatusCode::unavailable);
}

TEST_F(ActorTest, AnActorIsNotKeptAliveByRefs) {
  Handle handle = spawn_scribe();
  const auto ref = handle.ref();
  executor_->run_until_idle();
  handle.reset();
  executor_->run_until_idle();
  EXPECT_TRUE(journal_.destroyed);
}

TEST_F(ActorTest, ADefaultRefAnswersClosed) {
  const ActorRef<std::string, std::string> nobody;
  std::string kept = "kept";
  EXPECT_EQ(nobody.try_send(std::move(kept)), SendResult::closed);
  EXPECT_EQ(kept, "kept");
  EXPECT_EQ(nobody.send_control("x"), SendResult::closed);
  nobody.wake();
  EXPECT_TRUE(nobody.closed());
  EXPECT_FALSE(Handle().alive());
}

TEST_F(ActorTest, BlockedItReadsControlButHoldsMessages) {
  const Handle handle = spawn_scribe();
  journal_.wait = Wait{executor_->clock().now() + milliseconds(5)};
  send(handle, "a");
  handle.ref().send_control("cancel");
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines, (Lines{"start", "!cancel"}));
  handle.ref().send_control("more");
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines, (Lines{"start", "!cancel", "!more"}));

  journal_.wait.reset();
  handle.ref().wake();
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines.back(), "a");
}

TEST_F(ActorTest, BlockedItMayStillReadMessages) {
  const Handle handle = spawn_scribe();
  journal_.wait = Wait{executor_->clock().now() + milliseconds(5), /*hold_messages=*/false};
  send(handle, "a");
  executor_->run_until_idle();
  EXPECT_EQ(journal_.lines, (Lines{"start", "a"}));
}

TEST_F(ActorTest, BlockedItIsPolledAgainAtItsTime) {
  const Handle handle = spawn_scribe();
  journal_.wait = Wait{executor_->clock().now() + milliseconds(5)};
  send(handle, "a");
  executor_->run_until_idle();
  const int polls = journal_.polls;
  executor_->advance(milliseconds(4));
  EXPECT_EQ(journal_.polls, polls);
  journal_.wait.reset();
  executor_->advance(milliseconds(1));
  EXPECT_GT(journal_.polls, polls);
  EXPECT_EQ(journal_.lines, (Lines{"start", "a"}));
}

TEST_F(ActorTest, AWakeTakesTheTimerBack) {
  const Handle handle = spawn_scribe();
  journal_.wait = Wait{executor_->clock().now() + milliseconds(5)};
  executor_->run_until_idle();
  journal_.wait.reset();
  handle.ref().wake();
  executor_->run_until_idle();
  const int polls = journal_.polls;
  executor_->advance(milliseconds(10));
  EXPECT_EQ(journal_.polls, polls);
}

// A manual executor that lets who waits ask again for a while.
class SpinningExecutor final : public Executor {
 public:
  SpinningExecutor(std::shared_ptr<ManualExecutor> inner, Duration spin)
      : inner_(std::move(inner)), spin_(spin) {}
  bool post(Task task) override { return inner_->post(std::move(task)); }
  TimerHandle run_at(TimePoint due, Task task) override {
    return inner_->run_at(due, std::move(task));
  }
  [[nodiscard]] const Clock& clock() const override { return inner_->clock(); }
  [[nodiscard]] Duration spin() const override { return spin_; }

 private:
  std::shared_ptr<ManualExecutor> inner_;
  Duration spin_;
};

TEST_F(ActorTest, PollingBeginsAnewWithTheWait) {
  const auto clock = std::make_shared<ManualClock>();
  const auto inner = std::make_shared<ManualExecutor>(clock);
  const std::shared_ptr<Executor> spinning =
      std::make_shared<SpinningExecutor>(inner, milliseconds(10));
  clock->advance(milliseconds(20));
  const auto at = [begin = clock->now()](int after) { return begin + milliseconds(after); };
  constexpr std::size_t kMany = 100;
  journal_.wait = Wait{at(30)};
  const Handle handle = spawn(spinning, std::make_unique<Scribe>(&journal_));
  EXPECT_LT(inner->run_until_idle(kMany), kMany) << "nothing was read, nothing began";

  journal_.wait = Wait{at(100), true, at(15)};
  clock->advance(milliseconds(30));
  EXPECT_LT(inner->run_until_idle(kMany), kMany) << "it began too long ago";

  journal_.wait = Wait{at(200), true, at(95)};
  clock->advance(milliseconds(70));
  EXPECT_EQ(inner->run_until_idle(kMany), kMany) << "it asks again and again";
}

// Its messages are the times at which it asks itself something.
class Timekeeper final : public Actor<Duration, int> {
 public:
  explicit Timekeeper(std::vector<int>* rings) : rings_(*rings) {}
  void receive(Duration&& in) override {
    executor().run_at(now() + in, [to = self()] { to.send_control(1); });
  }
  void receive_control(int&& ring) override { rings_.push_back(ring); }

 private:
  std::vector<int>& rings_;
};

TEST_F(ActorTest, TellsItselfThroughTimers) {
  std::vector<int> rings;
  auto handle = spawn(executor_, std::make_unique<Timekeeper>(&rings));
  ASSERT_EQ(handle.ref().try_send(milliseconds(3)), SendResult::ok);
  ASSERT_EQ(handle.ref().try_send(milliseconds(6)), SendResult::ok);
  executor_->advance(milliseconds(3));
  EXPECT_EQ(rings.size(), 1u);
  handle.reset();
  executor_->advance(milliseconds(3));
  EXPECT_EQ(rings.size(), 1u);
}

}  // namespace
}  // namespace synfire
