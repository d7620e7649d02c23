#include "plugins/sdk/active_list.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace synfire::sdk {
namespace {

// Memory for a list, with a guard word behind it.
struct Memory {
  Memory(std::uint32_t capacity, std::uint32_t n_tokens)
      : words(ActiveList::bytes(capacity, n_tokens) / 8 + 1, kGuard) {
    list().reset(capacity, n_tokens);
  }
  ActiveList list() { return ActiveList(words.data()); }
  [[nodiscard]] bool guarded() const { return words.back() == kGuard; }

  static constexpr std::uint64_t kGuard = 0xfeedfacefeedface;
  std::vector<std::uint64_t> words;
};

TEST(ActiveList, AssignsABatchOfOneToken) {
  Memory memory(5, 1);
  *memory.list().push(4) = 1;
  const std::uint32_t ids[] = {0, 2, 3};
  memory.list().assign(ids, 3);
  ASSERT_EQ(memory.list().size(), 3u);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(memory.list().id(i), ids[i]);
    EXPECT_EQ(*memory.list().mask(i), 1u);
  }
  EXPECT_TRUE(memory.guarded());
}

TEST(ActiveList, AssignsNeuronsThatSomeTokenNeeds) {
  for (const std::uint32_t n_tokens : {2u, 64u, 65u}) {
    Memory memory(4, n_tokens);
    const ActiveList list = memory.list();
    const std::size_t words = list.mask_words();
    std::vector<std::uint64_t> masks(4 * words);
    const auto set = [&](std::uint32_t neuron, std::uint32_t token) {
      masks[neuron * words + token / 64] |= std::uint64_t{1} << (token % 64);
    };
    set(1, n_tokens - 1);
    set(3, 0);
    set(3, 1);
    list.assign_masks(masks.data(), 4);
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list.id(0), 1u);
    EXPECT_EQ(list.id(1), 3u);
    for (std::uint32_t token = 0; token < n_tokens; ++token) {
      EXPECT_EQ(list.needs(0, token), token == n_tokens - 1);
      EXPECT_EQ(list.needs(1, token), token < 2);
    }
    for (std::uint32_t i = 0; i < 4; ++i) set(i, 0);
    list.assign_masks(masks.data(), 4);
    EXPECT_EQ(list.size(), 4u);
    EXPECT_TRUE(memory.guarded());
  }
}

TEST(ActiveList, LayoutIsTheAbisOwn) {
  // Header of 16 bytes, ids padded to 8 bytes, then the masks.
  EXPECT_EQ(ActiveList::bytes(4, 1), 16u + 16 + 4 * 8);
  EXPECT_EQ(ActiveList::bytes(5, 64), 16u + 24 + 5 * 8);
  EXPECT_EQ(ActiveList::bytes(5, 65), 16u + 24 + 5 * 16);
  EXPECT_EQ(ActiveList::bytes(0, 1), 16u);
}

TEST(ActiveList, HoldsNeuronsAndTheTokensThatNeedThem) {
  for (const std::uint32_t n_tokens : {1u, 63u, 64u, 65u, 200u}) {
    Memory memory(7, n_tokens);
    const ActiveList list = memory.list();
    EXPECT_EQ(list.size(), 0u);
    for (std::uint32_t i = 0; i < 7; ++i) {
      std::uint64_t* const mask = list.push(10 * i);
      const std::uint32_t token = (i * 31) % n_tokens;
      mask[token / 64] |= std::uint64_t{1} << (token % 64);
    }
    EXPECT_EQ(list.size(), 7u);
    for (std::uint32_t i = 0; i < 7; ++i) {
      EXPECT_EQ(list.id(i), 10 * i);
      for (std::uint32_t token = 0; token < n_tokens; ++token)
        EXPECT_EQ(list.needs(i, token), token == (i * 31) % n_tokens);
    }
    EXPECT_TRUE(memory.guarded());
  }
}

TEST(ActiveList, CopiesWhatCounts) {
  Memory from(5, 70), to(5, 70);
  from.list().push(2)[1] = 32;  // token 69
  from.list().push(4)[0] = 1;
  from.list().copy_to(to.words.data());
  EXPECT_EQ(to.list().size(), 2u);
  EXPECT_EQ(to.list().capacity(), 5u);
  EXPECT_EQ(to.list().id(1), 4u);
  EXPECT_TRUE(to.list().needs(0, 69));
  EXPECT_TRUE(to.list().needs(1, 0));
  EXPECT_FALSE(to.list().needs(1, 69));
  EXPECT_TRUE(to.guarded());
}

}  // namespace
}  // namespace synfire::sdk
