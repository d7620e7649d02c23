#include "core/actor/thread_executor.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/actor/actor_handle.hpp"

namespace synfire {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;

std::shared_ptr<ThreadExecutor> started(ThreadExecutorOptions options = {}) {
  auto executor = ThreadExecutor::start(std::move(options));
  EXPECT_TRUE(executor.ok()) << executor.status().to_string();
  return *executor;
}

std::shared_ptr<ThreadExecutor> spinning(Duration spin) {
  ThreadExecutorOptions options;
  options.spin = spin;
  return started(std::move(options));
}

TEST(ThreadExecutor, RunsTasksInOrderOnItsOneThread) {
  const auto executor = started();
  std::vector<int> order;  // touched by that thread alone
  std::promise<std::thread::id> last;
  for (int i = 0; i < 100; ++i) executor->post([&order, i] { order.push_back(i); });
  executor->post([&] { last.set_value(std::this_thread::get_id()); });
  EXPECT_NE(last.get_future().get(), std::this_thread::get_id());
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST(ThreadExecutor, CallsBackOnItsThreadBeforeAnyTask) {
  std::thread::id pinned;
  ThreadExecutorOptions options;
  options.name = "a name longer than fifteen";
  options.on_thread_start = [&] { pinned = std::this_thread::get_id(); };
  const auto executor = started(std::move(options));
  std::promise<std::pair<bool, std::string>> seen;
  executor->post([&] {
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    seen.set_value({pinned == std::this_thread::get_id(), name});
  });
  const auto [same_thread, name] = seen.get_future().get();
  EXPECT_TRUE(same_thread);
  EXPECT_EQ(name, "a name longer t");
}

TEST(ThreadExecutor, SurvivesWhatThrows) {
  ThreadExecutorOptions options;
  options.on_thread_start = [] { throw std::runtime_error("cannot pin"); };
  const auto executor = started(std::move(options));
  std::promise<void> after;
  executor->post([] { throw std::runtime_error("broken"); });
  executor->post([] { throw 1; });
  executor->post([&] { after.set_value(); });
  after.get_future().get();
}

TEST(ThreadExecutor, TimersRunInOrderAndNotEarly) {
  for (const Duration spin : {Duration(0), Duration(microseconds(50))}) {
    const auto executor = spinning(spin);
    const TimePoint start = executor->clock().now();
    std::vector<int> order;
    std::promise<TimePoint> last;
    executor->run_at(start + milliseconds(2), [&] {
      order.push_back(2);
      last.set_value(executor->clock().now());
    });
    executor->run_at(start + milliseconds(1), [&] { order.push_back(1); });
    EXPECT_GE(last.get_future().get(), start + milliseconds(2));
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
  }
}

// Whether the thread sleeps already cannot be seen from outside: many rounds, in most of which it
// does.
TEST(ThreadExecutor, AnEarlierTimerWakesASleeperThatWaitsForALaterOne) {
  const auto executor = started();
  executor->run_at(executor->clock().now() + minutes(60), [] {});
  for (int round = 0; round < 200; ++round) {
    auto rang = std::make_shared<std::promise<void>>();
    for (int i = 0; i < round; ++i) std::this_thread::yield();
    executor->run_at(executor->clock().now(), [rang] { rang->set_value(); });
    rang->get_future().get();
  }
}

TEST(ThreadExecutor, StopRunsWhatWasPostedAndRefusesTheRest) {
  const auto executor = started();
  int runs = 0;
  auto witness = std::make_shared<int>(0);
  for (int i = 0; i < 100; ++i) executor->post([&runs] { ++runs; });
  executor->run_at(executor->clock().now() + minutes(60), [witness] {});
  EXPECT_TRUE(executor->stop_and_join(minutes(10)));
  EXPECT_EQ(runs, 100);
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_FALSE(executor->post([witness] {}));
  executor->run_at(executor->clock().now(), [witness] {});
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_TRUE(executor->stop_and_join(minutes(10)));
}

TEST(ThreadExecutor, OnItsOwnThreadStopOnlyAsks) {
  const auto executor = started();
  std::promise<bool> answer;
  executor->post([&] { answer.set_value(executor->stop_and_join(minutes(10))); });
  EXPECT_FALSE(answer.get_future().get());
  EXPECT_TRUE(executor->stop_and_join(minutes(10)));
}

TEST(ThreadExecutor, MayBeDestroyedByItsOwnTask) {
  std::promise<void> go, gone;
  auto executor = started();
  executor->post([own = executor, &go, &gone]() mutable {
    go.get_future().get();
    own.reset();
    gone.set_value();
  });
  executor.reset();
  go.set_value();
  gone.get_future().get();
}

// Sets its promise when the last owner lets go.
struct Witness {
  explicit Witness(std::promise<void>* gone) : gone_(gone) {}
  ~Witness() { gone_->set_value(); }
  std::promise<void>* gone_;
};

class Idle final : public Actor<int> {
 public:
  void receive(int&&) override {}
};

TEST(ThreadExecutor, LetsGoOfAThreadThatIsStuck) {
  std::promise<void> entered, release, gone;
  auto gone_future = gone.get_future();
  std::vector<Down> downs;
  auto executor = started();
  auto witness = std::make_shared<Witness>(&gone);
  const std::weak_ptr<Witness> watched = witness;
  executor->post([&, witness = std::move(witness)] {
    entered.set_value();
    release.get_future().get();
  });
  entered.get_future().get();
  auto behind = spawn(executor, std::make_unique<Idle>(),
                      {.on_down = [&](const Down& down) { downs.push_back(down); }});

  EXPECT_FALSE(executor->stop_and_join(milliseconds(1)));
  EXPECT_FALSE(executor->stop_and_join(minutes(10))) << "it stays let go";
  ASSERT_EQ(downs.size(), 1u);
  EXPECT_EQ(downs[0].reason, DownReason::executor_stopped);
  EXPECT_TRUE(behind.ref().closed());
  executor.reset();
  EXPECT_FALSE(watched.expired()) << "what the stuck task owns lives as long as it";
  release.set_value();
  gone_future.get();
}

class Blocked final : public Actor<int> {
 public:
  Blocked(std::promise<void>* entered, std::future<void> release, std::promise<void>* destroyed)
      : entered_(*entered), release_(std::move(release)), destroyed_(*destroyed) {}
  ~Blocked() override { destroyed_.set_value(); }
  void receive(int&&) override {
    entered_.set_value();
    release_.get();
  }

 private:
  std::promise<void>& entered_;
  std::future<void> release_;
  std::promise<void>& destroyed_;
};

TEST(ThreadExecutor, AStuckActorIsDeclaredDeadAndFreedWhenItComesBack) {
  std::promise<void> entered, release, destroyed;
  const auto executor = started();
  auto handle =
      spawn(executor, std::make_unique<Blocked>(&entered, release.get_future(), &destroyed));
  ASSERT_EQ(handle.ref().try_send(1), SendResult::ok);
  entered.get_future().get();
  EXPECT_TRUE(handle.kill(error(StatusCode::deadline_exceeded, "stalled")));
  EXPECT_EQ(handle.ref().try_send(2), SendResult::closed);
  release.set_value();
  destroyed.get_future().get();
}

// Counts what it reads, checks each sender's order, and says when it has all.
class Sum final : public Actor<std::pair<int, int>> {
 public:
  Sum(int senders, int each, std::promise<bool>* all)
      : next_(senders), left_(senders * each), all_(*all) {}
  void receive(std::pair<int, int>&& message) override {
    in_order_ = in_order_ && next_[message.first]++ == message.second;
    if (--left_ == 0) all_.set_value(in_order_);
  }

 private:
  std::vector<int> next_;
  int left_;
  bool in_order_ = true;
  std::promise<bool>& all_;
};

void stress_senders(Duration spin) {
  constexpr int kSenders = 4;
  constexpr int kEach = 5000;
  std::promise<bool> all;
  const auto executor = spinning(spin);
  const auto handle =
      spawn(executor, std::make_unique<Sum>(kSenders, kEach, &all), {.mailbox_capacity = 8});
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([ref = handle.ref(), sender] {
      for (int i = 0; i < kEach; ++i) {
        while (ref.try_send({sender, i}) == SendResult::full) std::this_thread::yield();
        if (i % 100 == 0) ref.wake();
      }
    });
  }
  for (auto& sender : senders) sender.join();
  EXPECT_TRUE(all.get_future().get());
}

TEST(ThreadExecutor, ManySendersWhileItSleepsBetween) { stress_senders(Duration(0)); }
TEST(ThreadExecutor, ManySendersWhileItSpins) { stress_senders(microseconds(20)); }

struct Table {
  ActorRef<int> sides[2];  // set before the first ball
  std::promise<void> over;
};

// Sends the ball back until it is used up.
class Player final : public Actor<int> {
 public:
  Player(Table* table, int side) : table_(*table), side_(side) {}
  void receive(int&& ball) override {
    if (ball == 0) return table_.over.set_value();
    static_cast<void>(table_.sides[1 - side_].try_send(ball - 1));
  }

 private:
  Table& table_;
  int side_;
};

// Every hand-off may meet the other thread on its way to sleep: a lost wake would hang here.
void ping_pong(Duration spin, int balls = 5000) {
  Table table;
  const auto left = spinning(spin);
  const auto right = spinning(spin);
  const auto first = spawn(left, std::make_unique<Player>(&table, 0));
  const auto second = spawn(right, std::make_unique<Player>(&table, 1));
  table.sides[0] = first.ref();
  table.sides[1] = second.ref();
  ASSERT_EQ(table.sides[0].try_send(int(balls)), SendResult::ok);
  table.over.get_future().get();
}

TEST(ThreadExecutor, PingPongWhileBothSleepBetween) { ping_pong(Duration(0)); }
TEST(ThreadExecutor, PingPongWhileBothSpin) { ping_pong(microseconds(100)); }
TEST(ThreadExecutor, PingPongAtTheEdgeOfSleep) {
  for (const int nanoseconds : {100, 500, 1000, 2000, 4000})
    ping_pong(Duration(nanoseconds), 10000);
}

// What a plugin's thread raises: the actor parks each step until its event.
struct Events {
  std::atomic<int> raised = 0;
  std::atomic<int> asked = 0;
};

class Stepper final : public Actor<int> {
 public:
  Stepper(Events* events, std::promise<int>* done) : events_(*events), done_(*done) {}
  void receive(int&& step) override {
    step_ = step;
    events_.asked = step;
    events_.asked.notify_one();
  }
  std::optional<Wait> poll() override {
    if (step_ == 0 || events_.raised >= step_) {
      if (step_ == kSteps) done_.set_value(std::exchange(step_, 0));
      return std::nullopt;
    }
    return Wait{now() + minutes(60)};
  }
  static constexpr int kSteps = 2000;

 private:
  Events& events_;
  std::promise<int>& done_;
  int step_ = 0;
};

// Without a wake that is never lost, or with a step read before its predecessor is done, it hangs.
void park_and_wake(Duration spin) {
  Events events;
  std::promise<int> done;
  const auto executor = spinning(spin);
  const auto handle = spawn(executor, std::make_unique<Stepper>(&events, &done),
                            {.mailbox_capacity = Stepper::kSteps});
  for (int step = 1; step <= Stepper::kSteps; ++step) {
    ASSERT_EQ(handle.ref().try_send(int(step)), SendResult::ok);
  }
  std::thread plugin([&events, ref = handle.ref()] {
    for (int step = 1; step <= Stepper::kSteps; ++step) {
      for (int seen = events.asked; seen < step; seen = events.asked) events.asked.wait(seen);
      events.raised = step;
      ref.wake();
    }
  });
  EXPECT_EQ(done.get_future().get(), Stepper::kSteps);
  plugin.join();
}

TEST(ThreadExecutor, WakesFromAPluginThreadWhileAsleep) { park_and_wake(Duration(0)); }
TEST(ThreadExecutor, WakesFromAPluginThreadWhileSpinning) { park_and_wake(microseconds(50)); }

// While it spins, an event without any wake is seen too, as from a device that only writes a flag.
TEST(ThreadExecutor, SeesAFlagWithoutAWakeWhileSpinning) {
  Events events;
  std::promise<int> done;
  const auto executor = spinning(minutes(60));
  const auto handle = spawn(executor, std::make_unique<Stepper>(&events, &done));
  ASSERT_EQ(handle.ref().try_send(int(Stepper::kSteps)), SendResult::ok);
  for (int seen = 0; seen == 0; seen = events.asked) events.asked.wait(0);
  events.raised = Stepper::kSteps;
  EXPECT_EQ(done.get_future().get(), Stepper::kSteps);
}

// Actors that end in the middle of traffic: each end is told once, and senders see `closed`.
TEST(ThreadExecutor, ActorsEndUnderTraffic) {
  const auto executor = started();
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> downs = 0;
    {
      auto handle = spawn(executor, std::make_unique<Idle>(),
                          {.on_down = [&downs](const Down&) { ++downs; }});
      std::thread sender([ref = handle.ref()] {
        while (ref.try_send(1) != SendResult::closed) ref.wake();
      });
      std::thread killer([&handle] { handle.kill(error(StatusCode::aborted, "enough")); });
      handle.drain();
      sender.join();
      killer.join();
    }
    EXPECT_EQ(downs, 1);
  }
}

TEST(ThreadExecutor, StopsUnderTraffic) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> downs = 0;
    const auto executor = started();
    const auto handle =
        spawn(executor, std::make_unique<Idle>(), {.on_down = [&downs](const Down&) { ++downs; }});
    std::thread sender([ref = handle.ref()] {
      while (ref.try_send(1) != SendResult::closed) std::this_thread::yield();
    });
    EXPECT_TRUE(executor->stop_and_join(minutes(10)));
    sender.join();
    EXPECT_EQ(downs, 1);
  }
}

}  // namespace
}  // namespace synfire
