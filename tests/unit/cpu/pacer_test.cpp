#include "backends/cpu/pacer.hpp"

#include <gtest/gtest.h>

namespace synfire::cpu {
namespace {

using std::chrono::microseconds;

const Pacer::Clock::time_point kStart{std::chrono::hours(1)};

TEST(Pacer, RestsForWhatItsShareLeaves) {
  Pacer pacer(0.25);
  pacer.resume(kStart, {});
  EXPECT_EQ(pacer.rest_until(kStart + microseconds(10), {}), kStart + microseconds(40));
}

TEST(Pacer, RestIsNoWork) {
  Pacer pacer(0.5);
  pacer.resume(kStart, {});
  ASSERT_EQ(pacer.rest_until(kStart + microseconds(10), {}), kStart + microseconds(20));
  pacer.resume(kStart + microseconds(20), {});
  EXPECT_EQ(pacer.rest_until(kStart + microseconds(22), {}), kStart + microseconds(24));
}

TEST(Pacer, NeitherIsAWaitForOthers) {
  Pacer pacer(0.5);
  pacer.resume(kStart, microseconds(100));
  EXPECT_EQ(pacer.rest_until(kStart + microseconds(10), microseconds(107)),
            kStart + microseconds(13));
}

TEST(Pacer, AllOfTheTimeNeedsNoRest) {
  Pacer pacer(1);
  pacer.resume(kStart, {});
  EXPECT_EQ(pacer.rest_until(kStart + microseconds(10), {}), kStart + microseconds(10));
}

}  // namespace
}  // namespace synfire::cpu
