#include "backends/cpu/packed_rows.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "backends/cpu/kernels/activations.hpp"

namespace synfire::cpu {
namespace {

TEST(PackedRows, RowsOfWholeBlocksOf64HaveTheBytesOfTheFile) {
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::q4_1})
    for (const std::size_t cols : {64u, 128u, 256u, 320u, 384u, 576u, 832u, 2048u})
      EXPECT_EQ(packed_stride(dtype, cols), row_bytes(dtype, cols))
          << dtype_info(dtype).name << ", " << cols << " columns";
}

TEST(PackedRows, OtherRowsAreFilledUpToTwoFourOrEightBlocks) {
  const auto blocks = [](std::size_t cols) { return packed_stride(DType::q8_0, cols) / 34; };
  EXPECT_EQ(blocks(32), 2);
  EXPECT_EQ(blocks(96), 4);
  EXPECT_EQ(blocks(160), 8);
  EXPECT_EQ(blocks(256 + 224), 16);
  EXPECT_EQ(blocks(512 + 32), 18);
}

TEST(PackedRows, FloatRowsBeginAtCacheLines) {
  EXPECT_EQ(packed_stride(DType::f16, 576), 1152);
  EXPECT_EQ(packed_stride(DType::f16, 172), 384);
  EXPECT_EQ(packed_stride(DType::f32, 1), 64);
}

// Every element has a place of its own, within its unit.
TEST(PackedRows, PlacesOfARow) {
  for (const std::uint32_t cols : {64u, 256u, 320u, 416u, 576u, 1024u}) {
    std::vector<bool> taken(units_of(cols) * kUnit);
    for (std::uint32_t i = 0; i < cols; ++i) {
      const std::uint32_t place = place_in_row(i, cols);
      ASSERT_EQ(place / kUnit, i / kUnit);
      ASSERT_FALSE(taken[place]) << "element " << i << " of " << cols;
      taken[place] = true;
    }
  }
}

}  // namespace
}  // namespace synfire::cpu
