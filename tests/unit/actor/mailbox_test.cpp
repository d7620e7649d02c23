#include "core/actor/mailbox.hpp"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace synfire {
namespace {

using Box = Mailbox<std::unique_ptr<int>, std::string>;

class CountingReader final : public MailboxReader {
 public:
  void schedule() override { ++turns; }
  int turns = 0;
};

struct BoundBox {
  explicit BoundBox(std::size_t capacity) : box(capacity) { box.bind(reader); }
  std::shared_ptr<CountingReader> reader = std::make_shared<CountingReader>();
  Box box;
};

SendResult send(Box& box, int value) { return box.try_send(std::make_unique<int>(value)); }

TEST(Mailbox, DeliversInOrderAcrossTheEndOfTheRing) {
  Box box(3);
  int next = 0;
  for (int value = 0; value < 10; ++value) {
    ASSERT_EQ(send(box, value), SendResult::ok);
    if (value < 2) continue;
    EXPECT_EQ(**box.take(), next++);
  }
  EXPECT_EQ(**box.take(), next++);
  EXPECT_EQ(**box.take(), next++);
  EXPECT_FALSE(box.take());
  EXPECT_EQ(next, 10);
}

TEST(Mailbox, FullRefusesAndLeavesTheMessageWithTheSender) {
  Box box(1);
  ASSERT_EQ(send(box, 1), SendResult::ok);
  auto refused = std::make_unique<int>(2);
  EXPECT_EQ(box.try_send(std::move(refused)), SendResult::full);
  ASSERT_TRUE(refused);
  EXPECT_EQ(**box.take(), 1);
  EXPECT_EQ(box.try_send(std::move(refused)), SendResult::ok);
  EXPECT_EQ(**box.take(), 2);
}

TEST(Mailbox, CapacityZeroIsAlwaysFull) {
  Box box(0);
  EXPECT_EQ(send(box, 1), SendResult::full);
}

TEST(Mailbox, ClosedRefusesAndLeavesTheMessageWithTheSender) {
  Box box(2);
  ASSERT_EQ(send(box, 1), SendResult::ok);
  EXPECT_TRUE(box.close());
  EXPECT_FALSE(box.close());
  auto refused = std::make_unique<int>(2);
  EXPECT_EQ(box.try_send(std::move(refused)), SendResult::closed);
  EXPECT_TRUE(refused);
  EXPECT_EQ(box.send_control("cancel"), SendResult::closed);
  EXPECT_FALSE(box.take_control());
  EXPECT_EQ(**box.take(), 1) << "what was accepted stays readable";
}

TEST(Mailbox, ControlIsAcceptedWhenMessagesAreNot) {
  Box box(1);
  ASSERT_EQ(send(box, 1), SendResult::ok);
  ASSERT_EQ(send(box, 2), SendResult::full);
  EXPECT_EQ(box.send_control("cancel 1"), SendResult::ok);
  EXPECT_EQ(*box.take_control(), "cancel 1");
}

TEST(Mailbox, EqualControlCoalescesUntilItIsRead) {
  Box box(1);
  for (int i = 0; i < 1000; ++i) {
    box.send_control("cancel 1");
    box.send_control("cancel 2");
  }
  EXPECT_EQ(*box.take_control(), "cancel 1");
  box.send_control("cancel 1");
  EXPECT_EQ(*box.take_control(), "cancel 2");
  EXPECT_EQ(*box.take_control(), "cancel 1");
  EXPECT_FALSE(box.take_control());
}

TEST(Mailbox, AsksForOneTurnUntilItIsOver) {
  BoundBox bound(8);
  ASSERT_EQ(send(bound.box, 1), SendResult::ok);
  ASSERT_EQ(send(bound.box, 2), SendResult::ok);
  bound.box.send_control("x");
  bound.box.wake();
  EXPECT_EQ(bound.reader->turns, 1);

  EXPECT_TRUE(bound.box.begin_turn());
  bound.box.take_control();
  bound.box.take();
  EXPECT_EQ(bound.box.end_turn(), Box::Next::more);
  bound.box.take();
  EXPECT_EQ(bound.box.end_turn(), Box::Next::idle);
  EXPECT_EQ(bound.reader->turns, 1);

  ASSERT_EQ(send(bound.box, 3), SendResult::ok);
  EXPECT_EQ(bound.reader->turns, 2);
}

TEST(Mailbox, AWakeDuringTheTurnIsNotLost) {
  BoundBox bound(8);
  bound.box.wake();
  EXPECT_TRUE(bound.box.begin_turn());
  bound.box.wake();
  EXPECT_EQ(bound.box.end_turn(), Box::Next::more);
  EXPECT_TRUE(bound.box.begin_turn());
  EXPECT_FALSE(bound.box.begin_turn());
  EXPECT_EQ(bound.box.end_turn(), Box::Next::idle);
}

TEST(Mailbox, HeldMessagesGiveNoTurnButControlDoes) {
  BoundBox bound(8);
  ASSERT_EQ(send(bound.box, 1), SendResult::ok);
  EXPECT_EQ(bound.box.end_turn(true, true), Box::Next::idle);
  bound.box.send_control("stop");
  EXPECT_EQ(bound.box.end_turn(true, true), Box::Next::more);
}

TEST(Mailbox, IsFinishedWhenClosedAndReadOut) {
  BoundBox bound(8);
  ASSERT_EQ(send(bound.box, 1), SendResult::ok);
  bound.box.close();
  EXPECT_EQ(bound.box.end_turn(), Box::Next::more);
  bound.box.take();
  EXPECT_EQ(bound.box.end_turn(true), Box::Next::idle) << "its reader waits for something else";
  bound.box.schedule_turn();
  EXPECT_EQ(bound.box.end_turn(), Box::Next::finished);
}

TEST(Mailbox, CloseGivesTheReaderATurn) {
  BoundBox bound(8);
  bound.box.close();
  EXPECT_EQ(bound.reader->turns, 1);
}

TEST(Mailbox, OutlivesItsReader) {
  BoundBox bound(8);
  bound.reader.reset();
  EXPECT_EQ(send(bound.box, 1), SendResult::ok);
  bound.box.wake();
}

TEST(Mailbox, DiscardDestroysWhatWaits) {
  Mailbox<std::shared_ptr<int>> box(4);
  auto witness = std::make_shared<int>(0);
  ASSERT_EQ(box.try_send(std::shared_ptr<int>(witness)), SendResult::ok);
  box.close();
  box.discard();
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(box.size(), 0u);
  EXPECT_EQ(box.capacity(), 4u);
}

}  // namespace
}  // namespace synfire
