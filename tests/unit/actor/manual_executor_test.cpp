#include "core/actor/manual_executor.hpp"

#include <chrono>
#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace synfire {
namespace {

using std::chrono::milliseconds;

std::vector<int> order_under(ManualExecutor::Choose choose) {
  ManualExecutor executor(std::make_shared<ManualClock>(), std::move(choose));
  std::vector<int> order;
  for (int i = 0; i < 6; ++i) executor.post([&order, i] { order.push_back(i); });
  EXPECT_EQ(executor.run_until_idle(), 6u);
  return order;
}

TEST(ManualExecutor, RunsNothingByItself) {
  ManualExecutor executor;
  int runs = 0;
  executor.post([&] { ++runs; });
  EXPECT_EQ(executor.ready(), 1u);
  EXPECT_EQ(runs, 0);
  EXPECT_TRUE(executor.run_one());
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(executor.run_one());
}

TEST(ManualExecutor, OldestFirstIsTheDefault) {
  EXPECT_EQ(order_under(ManualExecutor::oldest_first()), (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST(ManualExecutor, RunsInAGivenOrder) {
  EXPECT_EQ(order_under([](std::size_t ready) { return ready - 1; }),
            (std::vector<int>{5, 4, 3, 2, 1, 0}));
}

TEST(ManualExecutor, ShuffledIsRepeatedByItsSeed) {
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto order = order_under(ManualExecutor::shuffled(seed));
    EXPECT_EQ(order, order_under(ManualExecutor::shuffled(seed)));
    EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), 6u);
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 10u);
}

TEST(ManualExecutor, StopsCountingAtTheLimit) {
  ManualExecutor executor;
  std::function<void()> again = [&] { executor.post([&] { again(); }); };
  again();
  EXPECT_EQ(executor.run_until_idle(7), 7u);
}

TEST(ManualExecutor, TimersRunInTimeOrderAndSeeTheirTime) {
  ManualExecutor executor;
  const TimePoint start = executor.clock().now();
  std::vector<Duration> seen;
  const auto note = [&] { seen.push_back(executor.clock().now() - start); };
  executor.run_at(start + milliseconds(30), note);
  executor.run_at(start + milliseconds(10), [&] {
    note();
    executor.run_at(executor.clock().now() + milliseconds(5), note);
  });
  executor.run_at(start + milliseconds(31), note);
  executor.advance(milliseconds(30));
  EXPECT_EQ(seen, (std::vector<Duration>{milliseconds(10), milliseconds(15), milliseconds(30)}));
  EXPECT_EQ(executor.clock().now() - start, milliseconds(30));
  executor.advance(milliseconds(1));
  EXPECT_EQ(seen.size(), 4u);
}

TEST(ManualExecutor, ATimerOfThePastIsReadyAtOnce) {
  ManualExecutor executor;
  int runs = 0;
  executor.run_at(executor.clock().now() - milliseconds(1), [&] { ++runs; });
  EXPECT_EQ(executor.run_until_idle(), 1u);
  EXPECT_EQ(runs, 1);
}

TEST(ManualExecutor, ACancelledTimerDoesNotRun) {
  ManualExecutor executor;
  int runs = 0;
  TimerHandle timer = executor.run_at(executor.clock().now() + milliseconds(1), [&] { ++runs; });
  EXPECT_TRUE(timer.cancel());
  executor.advance(milliseconds(2));
  EXPECT_EQ(runs, 0);
  EXPECT_FALSE(timer.cancel());
}

TEST(ManualExecutor, StopDestroysWhatIsQueuedAndRefuses) {
  ManualExecutor executor;
  auto witness = std::make_shared<int>(0);
  EXPECT_TRUE(executor.post([witness] {}));
  executor.run_at(executor.clock().now() + milliseconds(1), [witness] {});
  EXPECT_EQ(witness.use_count(), 3);
  executor.stop();
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_FALSE(executor.post([witness] {}));
  executor.run_at(executor.clock().now(), [witness] {});
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_FALSE(executor.run_one());
}

}  // namespace
}  // namespace synfire
