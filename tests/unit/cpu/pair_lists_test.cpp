#include "backends/cpu/ops/pair_lists.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace synfire::cpu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::uint32_t kBlockNeurons = 3;

std::vector<std::pair<std::uint32_t, float>> pairs(const PairLists& lists, std::uint32_t block,
                                                   std::uint32_t token) {
  std::vector<std::pair<std::uint32_t, float>> found;
  for (const FiredPair& pair : lists.pairs(block, token))
    found.emplace_back(pair.neuron, pair.hidden);
  return found;
}

TEST(PairLists, HasWhatWasWrittenByToken) {
  Workspace workspace;
  const PairLists lists(workspace, 1, kBlockNeurons, 3);
  PairLists::Writer block = lists.writer(0);
  block.add_neuron(4);
  block.add_neuron(6);
  block.add({6, 0.5f});
  block.end_token();
  block.end_token();  // nothing fired
  block.add({4, -1.0f});
  block.add({6, 2.0f});
  block.end_token();
  EXPECT_THAT(lists.neurons(0), ElementsAre(4, 6));
  EXPECT_THAT(pairs(lists, 0, 0), ElementsAre(Pair(6, 0.5f)));
  EXPECT_THAT(pairs(lists, 0, 1), IsEmpty());
  EXPECT_THAT(pairs(lists, 0, 2), ElementsAre(Pair(4, -1.0f), Pair(6, 2.0f)));
}

// Each block is full, so whatever one wrote beyond its end would be seen in another.
TEST(PairLists, FullBlocksLieBesideEachOther) {
  constexpr std::uint32_t kBlocks = 4, kTokens = 17;
  Workspace workspace;
  const PairLists lists(workspace, kBlocks, kBlockNeurons, kTokens);
  const auto id = [](std::uint32_t block, std::uint32_t i) { return block * kBlockNeurons + i; };
  for (const std::uint32_t block : {2, 0, 3, 1}) {
    PairLists::Writer writer = lists.writer(block);
    for (std::uint32_t i = 0; i < kBlockNeurons; ++i) writer.add_neuron(id(block, i));
    for (std::uint32_t t = 0; t < kTokens; ++t) {
      for (std::uint32_t i = 0; i < kBlockNeurons; ++i)
        writer.add({id(block, i), static_cast<float>(t)});
      writer.end_token();
    }
  }
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    lists.fetch_numbers(block);
    lists.fetch(block);
    EXPECT_THAT(lists.neurons(block), ElementsAre(id(block, 0), id(block, 1), id(block, 2)));
    for (std::uint32_t t = 0; t < kTokens; ++t) {
      const auto hidden = static_cast<float>(t);
      EXPECT_THAT(pairs(lists, block, t),
                  ElementsAre(Pair(id(block, 0), hidden), Pair(id(block, 1), hidden),
                              Pair(id(block, 2), hidden)));
    }
  }
}

// The workspace is used again and again, and is not cleared.
TEST(PairLists, AWriterForgetsWhatWasThere) {
  Workspace workspace;
  for (const std::uint32_t n : {3u, 0u, 1u}) {
    const PairLists lists(workspace, 1, kBlockNeurons, 1);
    PairLists::Writer block = lists.writer(0);
    for (std::uint32_t i = 0; i < n; ++i) {
      block.add_neuron(i);
      block.add({i, 1.0f});
    }
    block.end_token();
    EXPECT_EQ(lists.neurons(0).size(), n);
    EXPECT_EQ(lists.pairs(0, 0).size(), n);
  }
}

TEST(PairLists, SaysWhatATokensPairsTake) {
  EXPECT_EQ(PairLists::bytes_of_token(5, kBlockNeurons), 5 * kBlockNeurons * sizeof(FiredPair));
  EXPECT_EQ(PairLists::bytes_of_token(0, kBlockNeurons), 0u);
}

}  // namespace
}  // namespace synfire::cpu
