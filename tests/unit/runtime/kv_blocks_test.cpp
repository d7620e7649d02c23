#include "core/runtime/kv_blocks.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(KvBlocks, TokensFillWholeBlocks) {
  const KvBlocks blocks(4, 16);
  EXPECT_EQ(blocks.block_tokens(), 16U);
  EXPECT_EQ(blocks.blocks_for(1), 1U);
  EXPECT_EQ(blocks.blocks_for(16), 1U);
  EXPECT_EQ(blocks.blocks_for(17), 2U);
}

TEST(KvBlocks, LowestIdsFirst) {
  KvBlocks blocks(5, 16);
  EXPECT_THAT(blocks.take(20), ElementsAre(0, 1));
  EXPECT_THAT(blocks.take(33), ElementsAre(2, 3, 4));
  EXPECT_EQ(blocks.available(), 0U);
}

TEST(KvBlocks, TooFewGivesNoneAndTakesNone) {
  KvBlocks blocks(2, 16);
  EXPECT_THAT(blocks.take(33), IsEmpty());
  EXPECT_EQ(blocks.available(), 2U);
  EXPECT_THAT(blocks.take(32), ElementsAre(0, 1));
  EXPECT_THAT(blocks.take(1), IsEmpty());
}

TEST(KvBlocks, WhatCameBackGoesOutAgainInTheSameOrder) {
  KvBlocks blocks(6, 1);
  const auto first = blocks.take(2), second = blocks.take(3);
  blocks.give_back(first);
  EXPECT_EQ(blocks.available(), 3U);
  EXPECT_THAT(blocks.take(2), ElementsAre(0, 1));
  blocks.give_back(second);
  EXPECT_THAT(blocks.take(4), ElementsAre(2, 3, 4, 5));
}

TEST(KvBlocks, NobodySharesABlock) {
  KvBlocks blocks(32, 4);
  std::vector<std::vector<std::uint32_t>> held;
  std::vector<std::uint32_t> owners(32, 0);
  for (std::uint32_t round = 0; round < 1000; ++round) {
    if (const auto taken = blocks.take(1 + round * 7 % 23); !taken.empty()) {
      for (const std::uint32_t id : taken) EXPECT_EQ(++owners[id], 1U) << round;
      held.push_back(taken);
    } else {
      const std::size_t victim = round % held.size();
      for (const std::uint32_t id : held[victim]) --owners[id];
      blocks.give_back(held[victim]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(victim));
    }
    EXPECT_EQ(blocks.available(), std::count(owners.begin(), owners.end(), 0U));
  }
}

}  // namespace
}  // namespace synfire
