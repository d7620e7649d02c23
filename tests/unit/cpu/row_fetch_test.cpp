#include "backends/cpu/ops/row_fetch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace synfire::cpu {
namespace {

class RowFetchTest : public testing::Test {
 protected:
  // Offsets of what a kernel of n rows of `bytes` shall fetch; empty for none.
  std::vector<std::ptrdiff_t> take(std::uint32_t n, std::size_t bytes) {
    std::vector<const std::byte*> pieces(n);
    if (fetch_.take(n, bytes, pieces.data()) == nullptr) return {};
    std::vector<std::ptrdiff_t> offsets;
    for (const std::byte* const piece : pieces) offsets.push_back(piece - memory_.data());
    return offsets;
  }
  void add(std::size_t offset, std::size_t bytes) { fetch_.add(memory_.data() + offset, bytes); }

  std::vector<std::byte> memory_ = std::vector<std::byte>(4096);
  RowFetch fetch_;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(RowFetchTest, RowsInTheirOrder) {
  for (const std::size_t offset : {0, 200, 100}) add(offset, 64);
  EXPECT_THAT(take(2, 64), ElementsAre(0, 200));
  EXPECT_THAT(take(1, 64), ElementsAre(100));
  EXPECT_THAT(take(1, 64), IsEmpty());
}

TEST_F(RowFetchTest, TheLastOneFillsUp) {
  add(64, 64);
  EXPECT_THAT(take(3, 64), ElementsAre(64, 64, 64));
}

TEST_F(RowFetchTest, LongRowsGoToShortKernelsInPieces) {
  add(0, 400);
  EXPECT_THAT(take(4, 100), ElementsAre(0, 100, 200, 300));
  add(0, 240);  // the rest of 40 bytes is no piece
  add(1000, 100);
  EXPECT_THAT(take(3, 100), ElementsAre(0, 100, 1000));
}

TEST_F(RowFetchTest, LongKernelsPassOverShortRows) {
  add(0, 100);
  add(1000, 400);
  EXPECT_THAT(take(1, 400), ElementsAre(1000));
  EXPECT_THAT(take(1, 100), IsEmpty());
}

TEST_F(RowFetchTest, WhatWasClearedIsNotTaken) {
  add(0, 100);
  fetch_.clear();
  add(200, 100);
  EXPECT_THAT(take(1, 100), ElementsAre(200));
}

TEST_F(RowFetchTest, WhatDoesNotFitIsLeftOut) {
  for (std::size_t i = 0; i < 1000; ++i) add(i, 1);
  std::size_t n = 0;
  for (; !take(1, 1).empty(); ++n) {
  }
  EXPECT_GE(n, 64u);
  EXPECT_LT(n, 1000u);
}

}  // namespace
}  // namespace synfire::cpu
