#include "backends/cpu/thread_team.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <stdexcept>
#include <string>

namespace synfire::cpu {
namespace {

struct Shape {
  std::size_t members;
  bool spin;
};

class ThreadTeamTest : public testing::TestWithParam<Shape> {
 protected:
  ThreadTeam team_{GetParam().members, {}, GetParam().spin};
};

TEST_P(ThreadTeamTest, HasItsMembers) { EXPECT_EQ(team_.members(), GetParam().members); }

TEST_P(ThreadTeamTest, EachChunkRunsOnce) {
  for (const std::size_t chunks : {0, 1, 2, 3, 7, 64, 1000}) {
    std::vector<std::atomic<int>> runs(chunks);
    team_.parallel_for(chunks, [&](std::size_t chunk, std::size_t member) {
      EXPECT_LT(member, team_.members());
      runs[chunk].fetch_add(1);
    });
    for (const std::atomic<int>& count : runs) EXPECT_EQ(count.load(), 1);
  }
}

TEST_P(ThreadTeamTest, EachMemberComesOnceAndTheCallerAlways) {
  for (int round = 0; round < 500; ++round)
    for (const std::size_t parts : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> came(team_.members());
      team_.parallel_members(parts, [&](std::size_t member) { came[member].fetch_add(1); });
      ASSERT_EQ(came[0].load(), 1);
      for (std::size_t i = 1; i < came.size(); ++i) ASSERT_LE(came[i].load(), parts > 1 ? 1 : 0);
    }
}

// Plain memory: what members wrote is visible to the caller, and the caller's to members.
TEST_P(ThreadTeamTest, WritesAreVisibleBothWays) {
  std::vector<std::size_t> values(257);
  for (std::size_t round = 1; round <= 500; ++round) {
    std::size_t factor = round;
    team_.parallel_for(values.size(),
                       [&](std::size_t chunk, std::size_t) { values[chunk] = chunk * factor; });
    factor = 0;
    ASSERT_EQ(std::accumulate(values.begin(), values.end(), std::size_t{0}), round * 256 * 257 / 2);
  }
}

TEST_P(ThreadTeamTest, ManyShortRunsEndWell) {
  std::atomic<std::size_t> sum{0};
  for (std::size_t round = 0; round < 20000; ++round)
    team_.parallel_for(3, [&](std::size_t chunk, std::size_t) { sum.fetch_add(chunk); });
  EXPECT_EQ(sum.load(), 60000u);
}

TEST_P(ThreadTeamTest, OneMemberAtATimeHasAnIndex) {
  std::vector<std::atomic<int>> inside(team_.members());
  std::atomic<bool> clash{false};
  team_.parallel_for(2000, [&](std::size_t, std::size_t member) {
    if (inside[member].fetch_add(1) != 0) clash = true;
    inside[member].fetch_sub(1);
  });
  EXPECT_FALSE(clash.load());
}

TEST_P(ThreadTeamTest, ExceptionsComeOutAndTheTeamGoesOn) {
  for (int round = 0; round < 50; ++round) {
    try {
      team_.parallel_for(100, [](std::size_t chunk, std::size_t) {
        if (chunk == 13) throw std::runtime_error("chunk 13");
      });
      FAIL() << "no exception";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(std::string(error.what()), "chunk 13");
    }
    std::atomic<int> runs{0};
    team_.parallel_for(10, [&](std::size_t, std::size_t) { runs.fetch_add(1); });
    EXPECT_EQ(runs.load(), 10);
  }
}

TEST_P(ThreadTeamTest, AllMayThrowAtOnce) {
  for (int round = 0; round < 50; ++round)
    EXPECT_THROW(team_.parallel_for(
                     64, [](std::size_t, std::size_t) { throw std::runtime_error("every chunk"); }),
                 std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadTeamTest,
                         testing::Values(Shape{1, true}, Shape{2, true}, Shape{2, false},
                                         Shape{4, true}, Shape{4, false}, Shape{9, false}),
                         [](const testing::TestParamInfo<Shape>& shape) {
                           return std::to_string(shape.param.members) +
                                  (shape.param.spin ? "_spin" : "_sleep");
                         });

// Both members have to be inside before either leaves.
TEST(ThreadTeam, MembersRunAtTheSameTime) {
  ThreadTeam team(2, {}, true);
  std::atomic<int> inside{0};
  std::set<std::size_t> members;
  std::mutex mutex;
  team.parallel_for(2, [&](std::size_t, std::size_t member) {
    inside.fetch_add(1);
    inside.notify_all();
    for (int seen = inside.load(); seen < 2; seen = inside.load()) inside.wait(seen);
    const std::lock_guard lock(mutex);
    members.insert(member);
  });
  EXPECT_EQ(members, (std::set<std::size_t>{0, 1}));
}

TEST(ThreadTeam, ManyTeamsComeAndGo) {
  for (int round = 0; round < 100; ++round) {
    ThreadTeam team(4, {}, round % 2 == 0);
    if (round % 3 == 0) continue;  // never used
    std::atomic<int> runs{0};
    team.parallel_for(5, [&](std::size_t, std::size_t) { runs.fetch_add(1); });
    EXPECT_EQ(runs.load(), 5);
  }
}

TEST(ThreadTeam, PinsItsMembers) {
  ThreadTeam team(2, {{0}, true}, false);
  std::atomic<int> inside{0};
  std::atomic<int> core_of_member{-1};
  team.parallel_for(2, [&](std::size_t, std::size_t member) {
    inside.fetch_add(1);
    inside.notify_all();
    for (int seen = inside.load(); seen < 2; seen = inside.load()) inside.wait(seen);
    if (member == 1) core_of_member = sched_getcpu();
  });
  EXPECT_EQ(core_of_member.load(), 0);
}

}  // namespace
}  // namespace synfire::cpu
