#include "core/actor/timer_queue.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace synfire {
namespace {

TimePoint at(int ticks) { return TimePoint(Duration(ticks)); }

TEST(TimerQueue, GivesTasksInOrderOfTimeThenOfAdding) {
  TimerQueue queue;
  std::vector<int> order;
  queue.add(at(20), [&] { order.push_back(3); });
  queue.add(at(10), [&] { order.push_back(1); });
  queue.add(at(10), [&] { order.push_back(2); });
  while (Task task = queue.take_due(at(20))) task();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(TimerQueue, KeepsWhatIsNotDue) {
  TimerQueue queue;
  EXPECT_EQ(queue.next_due(), TimePoint::max());
  queue.add(at(10), [] {});
  EXPECT_FALSE(queue.take_due(at(9)));
  EXPECT_EQ(queue.next_due(), at(10));
  EXPECT_TRUE(queue.take_due(at(10)));
  EXPECT_EQ(queue.next_due(), TimePoint::max());
}

TEST(TimerQueue, SaysWhatBecameEarliest) {
  TimerQueue queue;
  EXPECT_TRUE(queue.add(at(10), [] {}).earliest);
  EXPECT_FALSE(queue.add(at(10), [] {}).earliest);
  EXPECT_TRUE(queue.add(at(5), [] {}).earliest);
}

TEST(TimerHandle, CancelsOnceAndDestroysTheTask) {
  const auto queue = std::make_shared<TimerQueue>();
  auto witness = std::make_shared<int>(0);
  TimerHandle handle(queue, queue->add(at(1), [witness] {}).key);
  TimerHandle copy = handle;
  EXPECT_EQ(witness.use_count(), 2);
  EXPECT_TRUE(handle.cancel());
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_FALSE(copy.cancel());
  EXPECT_EQ(queue->next_due(), TimePoint::max());
}

TEST(TimerHandle, CannotCancelWhatWasTaken) {
  const auto queue = std::make_shared<TimerQueue>();
  TimerHandle handle(queue, queue->add(at(1), [] {}).key);
  EXPECT_TRUE(queue->take_due(at(1)));
  EXPECT_FALSE(handle.cancel());
}

TEST(TimerHandle, OutlivesItsQueue) {
  auto queue = std::make_shared<TimerQueue>();
  TimerHandle handle(queue, queue->add(at(1), [] {}).key);
  queue.reset();
  EXPECT_FALSE(handle.cancel());
  EXPECT_FALSE(TimerHandle().cancel());
}

}  // namespace
}  // namespace synfire
