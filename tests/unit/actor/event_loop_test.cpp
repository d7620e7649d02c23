#include "core/actor/event_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace synfire {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// A millisecond passes with each look at it; at the look number `at`, something happens. So a test
// can act in the very moment between the last look for work and falling asleep.
class EventfulClock final : public Clock {
 public:
  EventfulClock(int at, std::function<void()> event) : at_(at), event_(std::move(event)) {}
  TimePoint now() const override {
    if (++looks_ == at_) event_();
    return TimePoint(milliseconds(looks_));
  }

 private:
  int at_;
  std::function<void()> event_;
  mutable int looks_ = 0;
};

constexpr Duration kSpin = milliseconds(3);
constexpr int kLooksPerSpin = 4;  // one to begin with, and the last one at the end of the spin

// Runs a loop to whose thread `event` happens at each moment of its first spin, in turn. A loop
// that misses it sleeps for ever.
void at_each_moment(const std::function<void(EventLoop&)>& event) {
  for (int look = 1; look <= kLooksPerSpin; ++look) {
    EventLoop* loop = nullptr;
    EventLoop owned(kSpin, std::make_unique<EventfulClock>(look, [&] { event(*loop); }));
    loop = &owned;
    owned.run();
    EXPECT_TRUE(owned.wait_finished(Duration(0)));
  }
}

TEST(EventLoop, NoPostIsLostOnTheWayToSleep) {
  int runs = 0;
  at_each_moment([&](EventLoop& loop) {
    loop.post([&] {
      ++runs;
      loop.stop();
    });
  });
  EXPECT_EQ(runs, kLooksPerSpin);
}

TEST(EventLoop, NoTimerIsLostOnTheWayToSleep) {
  int runs = 0;
  at_each_moment([&](EventLoop& loop) {
    loop.run_at(TimePoint(milliseconds(1)), [&] {
      ++runs;
      loop.stop();
    });
  });
  EXPECT_EQ(runs, kLooksPerSpin);
}

TEST(EventLoop, NoStopIsLostOnTheWayToSleep) {
  at_each_moment([](EventLoop& loop) { loop.stop(); });
}

TEST(EventLoop, ADueTimerGoesBeforeWhatWasPosted) {
  EventLoop loop(Duration(0));
  bool timer_ran = false;
  bool posted_saw_it = false;
  loop.post([&] {
    posted_saw_it = timer_ran;
    loop.stop();
  });
  loop.run_at(TimePoint(), [&] { timer_ran = true; });
  loop.run();
  EXPECT_TRUE(posted_saw_it);
}

TEST(EventLoop, AbandonedItRunsNothingMore) {
  EventLoop loop(Duration(0));
  auto witness = std::make_shared<int>(0);
  loop.post([&loop, witness] {
    loop.abandon();
    ++*witness;
  });
  loop.post([witness] { ++*witness; });
  loop.run_at(loop.clock().now() + hours(1), [witness] { ++*witness; });
  loop.run();
  EXPECT_EQ(*witness, 1);
  EXPECT_EQ(witness.use_count(), 1);
}

}  // namespace
}  // namespace synfire
