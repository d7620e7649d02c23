#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "backends/cpu/cpu_device.hpp"
#include "backends/cpu/ops/row_dots.hpp"

namespace synfire::cpu {
namespace {

// Tiles for two members, unless said; one thread plays them all.
class MemberRunsTest : public testing::Test {
 protected:
  TileShares shares(std::uint32_t tiles, std::uint32_t most = 1) {
    return {device_, tiles, 32768, most};
  }

  static CpuOptions two_threads() {
    CpuOptions options;
    options.threads = 2;
    return options;
  }

  CpuDevice device_{two_threads()};
};

TEST_F(MemberRunsTest, GuidedRunsComeInRisingOrderAndShrink) {
  for (const std::uint32_t tiles : {0u, 1u, 5u, 100u}) {
    const GuidedRuns runs(device_, tiles, 4096);
    std::uint32_t expected = 0;
    std::size_t index = 0;
    for (MemberRuns mine(runs, 0); mine.any(); mine.advance(), ++index) {
      EXPECT_EQ(mine.first(), expected);
      EXPECT_EQ(runs.index(mine.first()), index);
      EXPECT_EQ(mine.ahead(mine.first(), mine.end() - mine.first()),
                mine.next().any() ? mine.next().first : MemberRuns::kNone);
      expected = mine.end();
    }
    EXPECT_EQ(expected, tiles);
    EXPECT_EQ(index, runs.size());
    if (tiles == 100) {
      EXPECT_GT(runs.end(0), runs.end(1) - runs.first(1));
    }
  }
}

// Who comes alone does the parts of those who never come, too.
TEST_F(MemberRunsTest, OneMemberGoesThroughAllTiles) {
  for (const std::uint32_t tiles : {0u, 1u, 2u, 5u, 100u})
    for (const std::uint32_t most : {1u, 7u})
      for (const std::size_t member : {0u, 1u}) {
        const TileShares all = shares(tiles, most);
        std::vector<int> times(tiles);
        for (MemberRuns mine(all, member); mine.any(); mine.advance()) {
          EXPECT_LE(mine.end() - mine.first(), most);
          for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile) ++times[tile];
        }
        EXPECT_EQ(times, std::vector<int>(tiles, 1));
      }
}

TEST_F(MemberRunsTest, MembersBeginWithPartsOfTheirOwn) {
  const TileShares all = shares(101);
  EXPECT_EQ(all.size(), 2u);
  const MemberRuns first(all, 0), second(all, 1);
  EXPECT_EQ(first.first(), 0u);
  EXPECT_EQ(second.first(), 50u);
}

TEST_F(MemberRunsTest, FewBytesAreForOneMember) {
  EXPECT_EQ(TileShares(device_, 3, 4096).size(), 1u);
  EXPECT_EQ(TileShares(device_, 8, 4096).size(), 2u);
}

// Runs become shorter towards the end, so that members end together.
TEST_F(MemberRunsTest, RunsAreHalfOfWhatIsLeftAtMost) {
  const TileShares all = shares(64, 10);
  std::vector<std::uint32_t> sizes;
  for (TileRun run = all.take(0); run.first < 32 && run.any(); run = all.take(0))
    sizes.push_back(run.end - run.first);
  EXPECT_EQ(sizes, (std::vector<std::uint32_t>{10, 10, 6, 3, 1, 1, 1}));
}

// A tile that is all that is left of another's part is sooner done by its owner.
TEST_F(MemberRunsTest, TakesHalfOfWhatAnotherHasLeft) {
  const TileShares all = shares(16);
  static_cast<void>(all.take(1));
  for (int i = 0; i < 8; ++i) static_cast<void>(all.take(0));
  EXPECT_EQ(all.take(0).first, 13u);  // of 9 to 15
  EXPECT_EQ(all.take(0).first, 14u);
  EXPECT_EQ(all.take(0).first, 15u);
  EXPECT_EQ(all.take(0).first, 11u);  // of 9 to 12
  EXPECT_EQ(all.take(0).first, 12u);
  EXPECT_EQ(all.take(0).first, 10u);
  EXPECT_FALSE(all.take(0).any());
  EXPECT_EQ(all.take(1).first, 9u);
  EXPECT_FALSE(all.take(1).any());
}

// What ahead() says is what comes, over the ends of runs and parts too.
TEST_F(MemberRunsTest, TellsTheTilesThatFollow) {
  for (const std::uint32_t n : {1u, 3u}) {
    const TileShares all = shares(100, n);
    std::vector<std::uint32_t> tiles, told;
    for (MemberRuns mine(all, 0); mine.any(); mine.advance())
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
}

// Whoever comes between, every tile is someone's once.
TEST_F(MemberRunsTest, TwoMembersShareAllTiles) {
  for (const int slower : {1, 2, 50}) {
    const TileShares all = shares(100, 8);
    std::vector<int> times(100);
    MemberRuns a(all, 0), b(all, 1);
    for (int turn = 0; a.any() || b.any(); ++turn) {
      MemberRuns& mine = (turn % slower == 0 && b.any()) || !a.any() ? b : a;
      for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile) {
        ++times[tile];
        static_cast<void>(mine.ahead(tile, 1));
      }
      mine.advance();
    }
    EXPECT_EQ(times, std::vector<int>(100, 1));
  }
}

// At the same time, of a device's own team.
TEST_F(MemberRunsTest, ThreadsShareAllTiles) {
  for (int round = 0; round < 200; ++round) {
    const TileShares all = shares(37, 4);
    std::vector<std::atomic<int>> times(37);
    device_.team().parallel_members(all.size(), [&](std::size_t member) {
      for (MemberRuns mine(all, member); mine.any(); mine.advance())
        for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile) ++times[tile];
    });
    for (const std::atomic<int>& n : times) ASSERT_EQ(n.load(), 1);
  }
}

}  // namespace
}  // namespace synfire::cpu
