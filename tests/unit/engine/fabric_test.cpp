#include "core/engine/fabric.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/active_list.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;
using State = Fabric::EventState;

constexpr std::uint32_t kMaxTokens = 3;

Fabric make() {
  ExecutionPlan plan;
  plan.channels = {{{SF_VALUE_ROWS, 5}, {0, 0, 0}, {{1, 0, 0}}},
                   {{SF_VALUE_ACTIVE, 7}, {0, 0, 1}, {{1, 0, 1}}},
                   {{SF_VALUE_WANTED_ROWS, 11}, {1, 0, 0}, {}}};
  return *Fabric::make(plan, kMaxTokens);
}

void signal(const Fabric& fabric, const EventRef& event) {
  std::atomic_ref(*fabric.flag(event)).store(event.value, std::memory_order_release);
}

TEST(Fabric, EachChannelHasRoomOfItsOwn) {
  const Fabric fabric = make();
  EXPECT_GE(fabric.port(0, 1).buffer.length, 5 * kMaxTokens * sizeof(float));
  EXPECT_GE(fabric.port(1, 1).buffer.length, sdk::ActiveList::bytes(7, kMaxTokens));
  EXPECT_GE(fabric.port(2, 1).buffer.length, 11 * kMaxTokens * sizeof(float));
  std::uint64_t end = 3 * 64;  // behind the events
  for (const std::uint32_t channel : {0U, 1U, 2U}) {
    const PortMessage port = fabric.port(channel, 9);
    EXPECT_TRUE(fabric.valid(port));
    EXPECT_EQ(port.event, (EventRef{channel, 9}));
    EXPECT_GE(port.buffer.offset, end);
    EXPECT_EQ(port.buffer.offset % 64, 0U);
    end = port.buffer.offset + port.buffer.length;
    EXPECT_EQ(fabric.address(port.buffer), fabric.region().data() + port.buffer.offset);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(fabric.flag(port.event)) % 64, 0U);
  }
  EXPECT_EQ(fabric.region().bytes(), end);
}

TEST(Fabric, PortsFromOutsideAreHeldAgainstWhatThereIs) {
  const Fabric fabric = make();
  const PortMessage good = fabric.port(0, 1);
  const auto valid = [&](auto change) {
    PortMessage port = good;
    change(port);
    return fabric.valid(port);
  };
  const std::uint64_t bytes = fabric.region().bytes();
  EXPECT_TRUE(valid([&](PortMessage& p) { p.buffer.offset = 0, p.buffer.length = bytes; }));
  EXPECT_TRUE(valid([&](PortMessage& p) { p.buffer.offset = bytes, p.buffer.length = 0; }));
  EXPECT_FALSE(valid([](PortMessage& p) { p.buffer.region = 1; }));
  EXPECT_FALSE(valid([](PortMessage& p) { p.buffer.kind = MemoryKind::device; }));
  EXPECT_FALSE(valid([&](PortMessage& p) { p.buffer.length = bytes; }));
  EXPECT_FALSE(valid([&](PortMessage& p) { p.buffer.offset = bytes + 1, p.buffer.length = 0; }));
  EXPECT_FALSE(valid([](PortMessage& p) { p.buffer.length = UINT64_MAX - 100; }));  // wraps around
  EXPECT_FALSE(valid([](PortMessage& p) { p.event.slot = 3; }));
}

TEST(Fabric, AnEventIsSignalledFromItsStepOn) {
  const Fabric fabric = make();
  EXPECT_EQ(fabric.state({0, 1}), State::pending);
  signal(fabric, {0, 1});
  EXPECT_EQ(fabric.state({0, 1}), State::signalled);
  EXPECT_EQ(fabric.state({0, 2}), State::pending);
  EXPECT_EQ(fabric.state({1, 1}), State::pending);
  signal(fabric, {0, 2});
  EXPECT_EQ(fabric.state({0, 1}), State::signalled);
}

TEST(Fabric, WhatWasSignalledIsNotAborted) {
  const Fabric fabric = make();
  signal(fabric, {0, 1});
  fabric.abort_all(1);
  EXPECT_EQ(fabric.state({0, 1}), State::signalled);
  EXPECT_EQ(fabric.state({1, 1}), State::aborted);
  EXPECT_EQ(fabric.state({2, 1}), State::aborted);
}

TEST(Fabric, AfterAFailedStepTheNextBeginsAfresh) {
  const Fabric fabric = make();
  fabric.abort({1, 4});
  fabric.forget_aborts(4);
  for (const std::uint32_t slot : {0U, 1U, 2U}) {
    EXPECT_EQ(fabric.state({slot, 4}), State::signalled);  // nobody waits for a step that is over
    EXPECT_EQ(fabric.state({slot, 5}), State::pending);
  }
}

TEST(Fabric, WakersOfASlotAreCalledAlsoWhenItIsAborted) {
  Fabric fabric = make();
  std::vector<int> woken;
  fabric.add_waker(0, [&] { woken.push_back(0); });
  fabric.add_waker(1, [&] { woken.push_back(1); });
  fabric.add_waker(1, [&] { woken.push_back(2); });
  fabric.wake(1);
  EXPECT_THAT(woken, ElementsAre(1, 2));
  fabric.wake(2);  // nobody waits there
  woken.clear();
  fabric.abort({0, 1});
  EXPECT_THAT(woken, ElementsAre(0));
  woken.clear();
  fabric.abort_all(1);
  EXPECT_THAT(woken, testing::IsSupersetOf({1, 2}));
}

}  // namespace
}  // namespace synfire
