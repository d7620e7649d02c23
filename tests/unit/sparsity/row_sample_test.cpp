#include "core/sparsity/row_sample.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;

std::vector<float> numbered(std::size_t first, std::size_t n) {
  std::vector<float> rows;
  for (std::size_t i = first; i < first + n; ++i) {
    rows.push_back(static_cast<float>(i));
    rows.push_back(-static_cast<float>(i));
  }
  return rows;
}

TEST(RowSample, KeepsAllWhileThereIsRoom) {
  RowSample sample(2, 3);
  EXPECT_EQ(sample.n_rows(), 0U);
  sample.add(numbered(1, 2));
  EXPECT_THAT(sample.rows(), ElementsAre(1, -1, 2, -2));
}

TEST(RowSample, IsWholeRowsFromEverywhere) {
  constexpr std::size_t kRows = 10000, kKept = 500;
  RowSample sample(2, kKept);
  for (std::size_t i = 0; i < kRows; i += 10) sample.add(numbered(i, 10));
  ASSERT_EQ(sample.n_rows(), kKept);
  std::set<float> seen;
  std::size_t early = 0;
  for (std::size_t i = 0; i < kKept; ++i) {
    const float row = sample.rows()[2 * i];
    EXPECT_EQ(sample.rows()[2 * i + 1], -row);
    EXPECT_TRUE(seen.insert(row).second) << row;
    early += row < kRows / 2 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(early), kKept / 2.0, 60);  // five deviations
}

TEST(RowSample, TheSameEveryTime) {
  RowSample a(2, 5), b(2, 5);
  a.add(numbered(0, 100));
  for (std::size_t i = 0; i < 100; ++i) b.add(numbered(i, 1));
  EXPECT_TRUE(std::equal(a.rows().begin(), a.rows().end(), b.rows().begin(), b.rows().end()));
}

}  // namespace
}  // namespace synfire
