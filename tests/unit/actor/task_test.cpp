#include "core/actor/task.hpp"

#include <array>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace synfire {
namespace {

TEST(Task, RunsWhatItHolds) {
  int runs = 0;
  Task task = [&runs] { ++runs; };
  ASSERT_TRUE(task);
  task();
  EXPECT_EQ(runs, 1);
}

TEST(Task, OwnsMoveOnlyThings) {
  auto owned = std::make_unique<int>(7);
  int seen = 0;
  Task task = [owned = std::move(owned), &seen] { seen = *owned; };
  Task moved = std::move(task);
  EXPECT_FALSE(task);
  moved();
  EXPECT_EQ(seen, 7);
}

TEST(Task, CarriesWhatDoesNotFitInPlace) {
  std::array<int, 100> numbers{};
  numbers[99] = 42;
  int seen = 0;
  Task task = [numbers, &seen] { seen = numbers[99]; };
  Task moved = std::move(task);
  moved();
  EXPECT_EQ(seen, 42);
}

template <std::size_t padding>
void expect_destroyed_once() {
  auto witness = std::make_shared<int>(0);
  const std::array<char, padding> pad{};
  Task task = [witness, pad] { static_cast<void>(pad); };
  EXPECT_EQ(witness.use_count(), 2);
  Task moved = std::move(task);
  EXPECT_EQ(witness.use_count(), 2);
  Task other = [] {};
  other = std::move(moved);
  EXPECT_EQ(witness.use_count(), 2);
  other.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(Task, DestroysWhatItHoldsOnceAndUnrun) {
  expect_destroyed_once<1>();
  expect_destroyed_once<200>();
}

}  // namespace
}  // namespace synfire
