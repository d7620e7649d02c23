#include "core/engine/batcher.hpp"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// Wants the logits of its last token, and grows when told.
class FakeSession final : public Session {
 public:
  FakeSession(RequestId id, std::vector<std::int32_t> prompt, std::uint32_t most, int* started)
      : Session(id, std::move(prompt)), most_(most), started_(started) {}

  [[nodiscard]] std::uint32_t max_tokens() const override { return most_; }
  [[nodiscard]] bool wants_logits(std::uint32_t index) const override {
    return index + 1 == n_tokens();
  }
  void on_start(TimePoint) override { ++*started_; }
  [[nodiscard]] bool on_logits(std::span<const float>, TimePoint) override {
    append(100);
    return false;
  }
  void finish(const Status&, TimePoint) override {}
  void abandon() override {}

 private:
  std::uint32_t most_;
  int* started_;
};

class BatcherTest : public testing::Test {
 protected:
  // Places for 2, 4 tokens per step, 6 blocks of 2 tokens.
  Batcher batcher_{{4, 2, 8}, KvBlocks(6, 2)};
  int started_ = 0;

  void add(RequestId id, std::vector<std::int32_t> prompt, std::uint32_t most) {
    batcher_.add(std::make_unique<FakeSession>(id, std::move(prompt), most, &started_));
  }
  // The next step, as if it went well.
  StepBatch step() {
    Batcher::Step next = batcher_.next({});
    std::uint32_t tokens = 0, wanted = 0;
    for (const Batcher::Part& part : next.parts) {
      tokens += part.n_tokens;
      wanted += part.n_wanted;
      part.session->advance(part.n_tokens);
      for (std::uint32_t row = 0; row < part.n_wanted; ++row)
        static_cast<void>(part.session->on_logits({}, {}));
    }
    EXPECT_EQ(tokens, next.batch.n_tokens());
    EXPECT_EQ(wanted, next.batch.wanted.size());
    EXPECT_EQ(next.parts.size(), next.batch.n_sequences());
    last_.clear();
    for (const Batcher::Part& part : next.parts)
      last_.emplace_back(part.session->id(), part.n_tokens);
    return std::move(next.batch);
  }
  using Shares = std::vector<std::pair<RequestId, std::uint32_t>>;
  // Who has how many tokens of the next step.
  Shares shares() {
    step();
    return last_;
  }

 private:
  Shares last_;
};

TEST_F(BatcherTest, NothingToDo) {
  EXPECT_THAT(batcher_.next({}).parts, IsEmpty());
  EXPECT_EQ(batcher_.remove(1), nullptr);
  EXPECT_THAT(batcher_.remove_all(), IsEmpty());
}

TEST_F(BatcherTest, APromptIsReadInSlices) {
  add(1, {10, 11, 12, 13, 14, 15}, 8);
  const StepBatch first = step();
  EXPECT_THAT(first.tokens, ElementsAre(10, 11, 12, 13));
  EXPECT_THAT(first.positions, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(first.sequences, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(first.wanted, IsEmpty());
  EXPECT_THAT(first.block_tables, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(first.max_blocks, 4U);
  const StepBatch second = step();
  EXPECT_THAT(second.tokens, ElementsAre(14, 15));
  EXPECT_THAT(second.positions, ElementsAre(4, 5));
  EXPECT_THAT(second.wanted, ElementsAre(1));  // the slice's, not the prompt's
  const StepBatch third = step();
  EXPECT_THAT(third.tokens, ElementsAre(100));
  EXPECT_THAT(third.positions, ElementsAre(6));
  EXPECT_THAT(third.wanted, ElementsAre(0));
  EXPECT_EQ(started_, 1);
}

TEST_F(BatcherTest, AllThatGenerateAreInEveryStep) {
  add(1, {1}, 4);
  add(2, {2}, 6);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(shares(), ElementsAre(Pair(1, 1), Pair(2, 1))) << i;
  EXPECT_EQ(started_, 2);
  const StepBatch batch = step();
  EXPECT_THAT(batch.tokens, ElementsAre(100, 100));
  EXPECT_THAT(batch.positions, ElementsAre(3, 3));
  EXPECT_THAT(batch.sequences, ElementsAre(0, 1));
  EXPECT_THAT(batch.wanted, ElementsAre(0, 1));
  EXPECT_EQ(batch.max_blocks, 3U);
  EXPECT_THAT(batch.block_tables, ElementsAre(0, 1, 0, 2, 3, 4));  // the first is filled up
}

TEST_F(BatcherTest, APromptIsReadBesideThoseThatGenerate) {
  add(1, {1}, 4);
  EXPECT_THAT(shares(), ElementsAre(Pair(1, 1)));
  add(2, {2, 3, 4, 5, 6}, 6);
  const StepBatch mixed = step();
  EXPECT_THAT(mixed.tokens, ElementsAre(100, 2, 3, 4));
  EXPECT_THAT(mixed.positions, ElementsAre(1, 0, 1, 2));
  EXPECT_THAT(mixed.sequences, ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(mixed.wanted, ElementsAre(0));
  const StepBatch rest = step();
  EXPECT_THAT(rest.tokens, ElementsAre(100, 5, 6));
  EXPECT_THAT(rest.wanted, ElementsAre(0, 2));
}

TEST_F(BatcherTest, PromptsThatDoNotFitTakeTurns) {
  add(1, {1, 1, 1, 1, 1, 1}, 6);
  add(2, {2, 2, 2, 2, 2, 2}, 6);
  EXPECT_THAT(shares(), ElementsAre(Pair(1, 4)));
  EXPECT_THAT(shares(), ElementsAre(Pair(2, 4)));
  EXPECT_THAT(shares(), ElementsAre(Pair(1, 2), Pair(2, 2)));
}

TEST_F(BatcherTest, OfManyPromptsNoneIsLeftOutTwice) {
  Batcher batcher({4, 4, 8}, KvBlocks(100, 2));
  for (RequestId id = 1; id <= 4; ++id)
    batcher.add(std::make_unique<FakeSession>(id, std::vector<std::int32_t>(12, 5), 20, &started_));
  std::vector<RequestId> turns;
  for (int i = 0; i < 8; ++i) {
    const Batcher::Step step = batcher.next({});
    ASSERT_EQ(step.parts.size(), 1U);
    turns.push_back(step.parts.front().session->id());
    step.parts.front().session->advance(step.parts.front().n_tokens);
  }
  EXPECT_THAT(turns, ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
}

TEST_F(BatcherTest, NoMoreRunThanThereArePlaces) {
  for (const RequestId id : {1, 2, 3}) add(id, {5}, 2);
  EXPECT_THAT(shares(), ElementsAre(Pair(1, 1), Pair(2, 1)));
  EXPECT_EQ(batcher_.n_running(), 2U);
  EXPECT_EQ(batcher_.n_waiting(), 1U);
  EXPECT_EQ(started_, 2);
  EXPECT_EQ(batcher_.remove(1)->id(), 1U);
  EXPECT_THAT(shares(), ElementsAre(Pair(2, 1), Pair(3, 1)));
  EXPECT_EQ(batcher_.n_waiting(), 0U);
}

TEST_F(BatcherTest, WhoFindsNoBlocksWaitsAndNobodyOvertakes) {
  add(1, {5}, 10);  // 5 of the 6 blocks
  step();
  add(2, {5}, 4);  // 2: too many for now
  add(3, {5}, 2);  // 1 would fit, but came later
  EXPECT_THAT(shares(), ElementsAre(Pair(1, 1)));
  EXPECT_EQ(batcher_.n_waiting(), 2U);
  batcher_.remove(1);
  EXPECT_THAT(shares(), ElementsAre(Pair(2, 1), Pair(3, 1)));
}

TEST_F(BatcherTest, BlocksOfRunningSessionsDiffer) {
  add(1, {5}, 6);
  add(2, {5}, 6);
  EXPECT_THAT(step().block_tables, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(BatcherTest, RemovedSessionsGiveTheirBlocksBack) {
  for (RequestId id = 1; id <= 20; ++id) {
    add(id, {5}, 12);  // all blocks
    EXPECT_THAT(shares(), ElementsAre(Pair(id, 1)));
    EXPECT_NE(batcher_.remove(id), nullptr);
    EXPECT_EQ(batcher_.remove(id), nullptr);
  }
}

TEST_F(BatcherTest, TheWaitingCanBeRemovedToo) {
  for (const RequestId id : {1, 2, 3, 4}) add(id, {5}, 2);
  step();
  EXPECT_EQ(batcher_.remove(4)->id(), 4U);
  std::vector<RequestId> ids;
  for (const auto& session : batcher_.remove_all()) ids.push_back(session->id());
  EXPECT_THAT(ids, testing::UnorderedElementsAre(1, 2, 3));
  EXPECT_EQ(batcher_.n_running() + batcher_.n_waiting(), 0U);
  add(9, {5}, 12);
  EXPECT_THAT(shares(), ElementsAre(Pair(9, 1)));  // all blocks came back
}

}  // namespace
}  // namespace synfire
