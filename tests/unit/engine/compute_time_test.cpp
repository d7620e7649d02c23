#include "core/engine/compute_time.hpp"

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "core/actor/manual_clock.hpp"

namespace synfire {
namespace {

using std::chrono::milliseconds;

TEST(ComputeTimeTest, WhatTwoDevicesDoAtOnceCountsOnce) {
  const auto clock = std::make_shared<ManualClock>();
  ComputeTime time(clock);
  time.begin();
  clock->advance(milliseconds(3));
  time.begin();
  clock->advance(milliseconds(4));
  time.end();
  EXPECT_EQ(time.total(), Duration(0)) << "one of them is still at it";
  clock->advance(milliseconds(5));
  time.end();
  EXPECT_EQ(time.total(), milliseconds(12));
}

TEST(ComputeTimeTest, BetweenStagesNothingCounts) {
  const auto clock = std::make_shared<ManualClock>();
  ComputeTime time(clock);
  for (int i = 0; i < 3; ++i) {
    clock->advance(milliseconds(10));
    time.begin();
    clock->advance(milliseconds(1));
    time.end();
  }
  EXPECT_EQ(time.total(), milliseconds(3));
}

}  // namespace
}  // namespace synfire
