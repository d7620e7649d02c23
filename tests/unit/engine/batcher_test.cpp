#include "core/engine/batcher.hpp"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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
  std::pair<RequestId, StepBatch> step() {
    Batcher::Step next = batcher_.next({});
    if (next.session == nullptr) return {};
    next.session->advance(next.batch.n_tokens());
    if (!next.batch.wanted.empty()) static_cast<void>(next.session->on_logits({}, {}));
    return {next.session->id(), std::move(next.batch)};
  }
};

TEST_F(BatcherTest, NothingToDo) {
  EXPECT_EQ(batcher_.next({}).session, nullptr);
  EXPECT_EQ(batcher_.remove(1), nullptr);
  EXPECT_THAT(batcher_.remove_all(), IsEmpty());
}

TEST_F(BatcherTest, APromptIsReadInSlices) {
  add(1, {10, 11, 12, 13, 14, 15}, 8);
  const StepBatch first = step().second;
  EXPECT_THAT(first.tokens, ElementsAre(10, 11, 12, 13));
  EXPECT_THAT(first.positions, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(first.sequences, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(first.wanted, IsEmpty());
  EXPECT_THAT(first.block_tables, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(first.max_blocks, 4U);
  const StepBatch second = step().second;
  EXPECT_THAT(second.tokens, ElementsAre(14, 15));
  EXPECT_THAT(second.positions, ElementsAre(4, 5));
  EXPECT_THAT(second.wanted, ElementsAre(1));  // the slice's, not the prompt's
  const StepBatch third = step().second;
  EXPECT_THAT(third.tokens, ElementsAre(100));
  EXPECT_THAT(third.positions, ElementsAre(6));
  EXPECT_THAT(third.wanted, ElementsAre(0));
  EXPECT_EQ(started_, 1);
}

TEST_F(BatcherTest, SessionsTakeTurns) {
  add(1, {1}, 4);
  add(2, {2}, 4);
  std::vector<RequestId> turns;
  for (int i = 0; i < 6; ++i) turns.push_back(step().first);
  EXPECT_THAT(turns, testing::AnyOf(ElementsAre(1, 2, 1, 2, 1, 2), ElementsAre(2, 1, 2, 1, 2, 1)));
  EXPECT_EQ(started_, 2);
}

TEST_F(BatcherTest, NoMoreRunThanThereArePlaces) {
  for (const RequestId id : {1, 2, 3}) add(id, {5}, 2);
  step();
  EXPECT_EQ(batcher_.n_running(), 2U);
  EXPECT_EQ(batcher_.n_waiting(), 1U);
  EXPECT_EQ(started_, 2);
  EXPECT_EQ(batcher_.remove(1)->id(), 1U);
  step();
  EXPECT_EQ(batcher_.n_running(), 2U);
  EXPECT_EQ(batcher_.n_waiting(), 0U);
}

TEST_F(BatcherTest, WhoFindsNoBlocksWaitsAndNobodyOvertakes) {
  add(1, {5}, 10);  // 5 of the 6 blocks
  step();
  add(2, {5}, 4);  // 2: too many for now
  add(3, {5}, 2);  // 1 would fit, but came later
  EXPECT_EQ(step().first, 1U);
  EXPECT_EQ(batcher_.n_waiting(), 2U);
  batcher_.remove(1);
  const auto [id, batch] = step();
  EXPECT_THAT(id, testing::AnyOf(2U, 3U));
  EXPECT_EQ(batcher_.n_running(), 2U);
}

TEST_F(BatcherTest, BlocksOfRunningSessionsDiffer) {
  add(1, {5}, 6);
  add(2, {5}, 6);
  std::vector<std::uint32_t> blocks;
  for (int i = 0; i < 2; ++i) {
    const StepBatch batch = step().second;
    blocks.insert(blocks.end(), batch.block_tables.begin(), batch.block_tables.end());
  }
  EXPECT_THAT(blocks, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(BatcherTest, RemovedSessionsGiveTheirBlocksBack) {
  for (RequestId id = 1; id <= 20; ++id) {
    add(id, {5}, 12);  // all blocks
    EXPECT_EQ(step().first, id);
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
  EXPECT_EQ(step().first, 9U);  // all blocks came back
}

}  // namespace
}  // namespace synfire
