#include "core/engine/batch_memory.hpp"

#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;

constexpr BatchLimits kLimits{4, 2, 3};

StepBatch batch() { return {{7, 8, 9}, {0, 1, 0}, {0, 0, 1}, {1, 2}, {5, 6, 2, 1}, 2}; }

std::string refusal(const StepBatch& b) {
  const Status status = BatchMemory::make(kLimits)->check(b);
  EXPECT_EQ(status.code(), StatusCode::invalid_argument);
  return status.message();
}

TEST(BatchMemory, HoldsACopyThatCanBeRegistered) {
  auto memory = BatchMemory::make(kLimits);
  ASSERT_TRUE(memory.ok());
  const sf_batch made = [&] {
    const StepBatch b = batch();
    EXPECT_TRUE(memory->check(b).ok());
    return memory->fill(b);
  }();
  EXPECT_EQ(made.struct_size, sizeof(sf_batch));
  EXPECT_EQ(made.max_blocks, 2U);
  EXPECT_THAT(std::span(made.tokens, made.n_tokens), ElementsAre(7, 8, 9));
  EXPECT_THAT(std::span(made.positions, made.n_tokens), ElementsAre(0, 1, 0));
  EXPECT_THAT(std::span(made.sequences, made.n_tokens), ElementsAre(0, 0, 1));
  EXPECT_THAT(std::span(made.wanted, made.n_wanted), ElementsAre(1, 2));
  EXPECT_THAT(std::span(made.block_tables, made.n_sequences * made.max_blocks),
              ElementsAre(5, 6, 2, 1));
  const auto* const begin = reinterpret_cast<const std::byte*>(made.tokens);
  EXPECT_EQ(begin, memory->region().data());
  EXPECT_LE(reinterpret_cast<const std::byte*>(made.block_tables + 4),
            memory->region().data() + memory->region().bytes());
}

TEST(BatchMemory, TheLargestBatchFits) {
  auto memory = BatchMemory::make(kLimits);
  const StepBatch largest{{1, 2, 3, 4}, {0, 1, 2, 3},       {0, 1, 0, 1},
                          {0, 1, 2, 3}, {0, 1, 2, 3, 4, 5}, 3};
  ASSERT_TRUE(memory->check(largest).ok());
  const sf_batch made = memory->fill(largest);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(made.block_tables + 6),
            memory->region().data() + memory->region().bytes());
}

TEST(BatchMemory, NoBlocksBeyondTheSequences) {
  StepBatch b = batch();
  b.wanted.clear();
  EXPECT_TRUE(BatchMemory::make(kLimits)->check(b).ok());
}

TEST(BatchMemory, BatchesThatContradictThemselves) {
  StepBatch b = batch();
  b.positions.pop_back();
  EXPECT_EQ(refusal(b), "batch: 3 tokens, but 2 positions and 3 sequences");
  b = batch();
  b.sequences.push_back(0);
  EXPECT_EQ(refusal(b), "batch: 3 tokens, but 3 positions and 4 sequences");
  b = batch();
  b.sequences[2] = 2;
  EXPECT_EQ(refusal(b), "batch: sequence 2, want less than 2");
  b = batch();
  b.wanted = {3};
  EXPECT_EQ(refusal(b), "batch: wanted token 3, want less than 3");
  b.wanted = {0, 1, 2, 2};
  EXPECT_EQ(refusal(b), "batch: 4 wanted tokens, want at most 3");
  b = batch();
  b.block_tables.pop_back();
  EXPECT_EQ(refusal(b),
            "batch: block tables of 3 entries in rows of 2, want at most 2 rows of at most 3");
  b.max_blocks = 0;
  EXPECT_EQ(refusal(b),
            "batch: block tables of 3 entries in rows of 0, want at most 2 rows of at most 3");
}

TEST(BatchMemory, BatchesBeyondTheLimits) {
  EXPECT_EQ(refusal({}), "batch: 0 tokens, want 1 to 4");
  EXPECT_EQ(refusal({{1, 2, 3, 4, 5}, {}, {}, {}, {}, 0}), "batch: 5 tokens, want 1 to 4");
  StepBatch b = batch();
  b.max_blocks = 4;
  EXPECT_EQ(refusal(b),
            "batch: block tables of 4 entries in rows of 4, want at most 2 rows of at most 3");
  b = batch();
  b.block_tables.resize(6);
  EXPECT_EQ(refusal(b),
            "batch: block tables of 6 entries in rows of 2, want at most 2 rows of at most 3");
}

}  // namespace
}  // namespace synfire
