#include <gtest/gtest.h>

#include <vector>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/ops/row_dots.hpp"

namespace synfire::cpu {
namespace {

class MemberRunsTest : public testing::Test {
 protected:
  // What one member of a team goes through: with `tiles` of that size, in runs for two.
  template <typename Body>
  void walk(std::uint32_t tiles, const Body& body) {
    const GuidedRuns runs(device_, tiles, 4096);
    ThreadTeam::Chunks untaken;
    body(runs, untaken);
  }

  static CpuOptions two_threads() {
    CpuOptions options;
    options.threads = 2;
    return options;
  }

  CpuDevice device_{two_threads()};
};

TEST_F(MemberRunsTest, OneMemberGoesThroughAllTiles) {
  for (const std::uint32_t tiles : {0u, 1u, 5u, 100u})
    walk(tiles, [&](const GuidedRuns& runs, ThreadTeam::Chunks& untaken) {
      std::uint32_t expected = 0;
      for (MemberRuns mine(runs, untaken); mine.any(); mine.advance())
        for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile)
          EXPECT_EQ(tile, expected++);
      EXPECT_EQ(expected, tiles);
    });
}

// What ahead() says is what comes, over the ends of runs too.
TEST_F(MemberRunsTest, TellsTheTilesThatFollow) {
  walk(100, [&](const GuidedRuns& runs, ThreadTeam::Chunks& untaken) {
    ASSERT_GT(runs.size(), 3u);
    for (const std::uint32_t n : {1u, 3u}) {
      ThreadTeam::Chunks again;
      std::vector<std::uint32_t> tiles, told;
      for (MemberRuns mine(runs, n == 1 ? untaken : again); mine.any(); mine.advance())
        for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile) {
          tiles.push_back(tile);
          told.push_back(mine.ahead(tile, n));
        }
      ASSERT_EQ(tiles.size(), 100u);
      for (std::size_t i = 0; i < tiles.size(); ++i) {
        if (told[i] == MemberRuns::kNone) continue;
        ASSERT_LT(i + n, tiles.size());
        EXPECT_EQ(told[i], tiles[i + n]);
      }
      EXPECT_EQ(told.back(), MemberRuns::kNone);
      EXPECT_EQ(told.front(), n);
    }
  });
}

// Another member that comes between takes other runs, and every tile is someone's.
TEST_F(MemberRunsTest, TwoMembersShareAllTiles) {
  walk(100, [&](const GuidedRuns& runs, ThreadTeam::Chunks& untaken) {
    std::vector<int> times(100);
    MemberRuns a(runs, untaken), b(runs, untaken);
    for (bool turn = false; a.any() || b.any(); turn = !turn) {
      MemberRuns& mine = turn && b.any() ? b : a.any() ? a : b;
      for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile) {
        ++times[tile];
        static_cast<void>(mine.ahead(tile, 1));
      }
      mine.advance();
    }
    EXPECT_EQ(times, std::vector<int>(100, 1));
  });
}

}  // namespace
}  // namespace synfire::cpu
