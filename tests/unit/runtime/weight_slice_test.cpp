#include "core/runtime/weight_slice.hpp"

#include <cstring>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;

// [3, 64], element = 100 * row + column.
struct Matrix {
  explicit Matrix(DType dtype) : data(3 * row_bytes(dtype, 64)) {
    for (std::size_t row = 0; row < 3; ++row) {
      std::vector<float> values(64);
      for (std::size_t c = 0; c < 64; ++c) values[c] = static_cast<float>(100 * row + c);
      quantize_row(dtype, values.data(), 64, data.data() + row * row_bytes(dtype, 64));
    }
    whole = {"m.weight", dtype, 3, 64, data.data()};
  }
  std::vector<std::byte> data;
  WeightUpload whole;
};

std::vector<float> decode(const WeightUpload& upload) {
  const std::vector<std::byte> packed = packed_rows(upload);
  EXPECT_EQ(packed.size(), upload.bytes());
  std::vector<float> values(upload.rows * upload.cols);
  for (std::size_t row = 0; row < upload.rows; ++row)
    dequantize_row(upload.dtype, packed.data() + row * row_bytes(upload.dtype, upload.cols),
                   static_cast<std::uint32_t>(upload.cols), values.data() + row * upload.cols);
  return values;
}

TEST(WeightSlice, RowsAreAView) {
  const Matrix m(DType::f32);
  const WeightUpload rows = slice_rows(m.whole, 1, 3);
  EXPECT_EQ(rows.name, "m.weight[1:3]");
  EXPECT_EQ(rows.rows, 2U);
  EXPECT_EQ(rows.row_stride, 0U);
  EXPECT_EQ(rows.data, m.data.data() + 64 * 4);
  EXPECT_EQ(decode(rows)[0], 100);
}

TEST(WeightSlice, ColumnsAreStridedAndPackWell) {
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::q4_0}) {
    const Matrix m(dtype);
    const WeightUpload columns = slice_columns(m.whole, 32, 64);
    EXPECT_EQ(columns.name, "m.weight[:, 32:64]");
    EXPECT_EQ(columns.row_stride, row_bytes(dtype, 64));
    const std::vector<float> whole = decode(m.whole);
    const std::vector<float> values = decode(columns);
    for (std::size_t row = 0; row < 3; ++row)
      for (std::size_t c = 0; c < 32; ++c)
        ASSERT_EQ(values[row * 32 + c], whole[row * 64 + 32 + c]) << row << " " << c;
  }
}

TEST(WeightSlice, RowsOfColumns) {
  const Matrix m(DType::f32);
  const WeightUpload part = slice_rows(slice_columns(m.whole, 62, 64), 1, 3);
  EXPECT_THAT(decode(part), ElementsAre(162, 163, 262, 263));
}

TEST(WeightSlice, AVectorsElements) {
  const Matrix m(DType::f32);
  WeightUpload bias = m.whole;
  bias.rows = 1;
  EXPECT_THAT(decode(slice_vector(bias, 5, 7)), ElementsAre(5, 6));
  EXPECT_EQ(slice_vector(bias, 5, 7).name, "m.weight[5:7]");
}

TEST(WeightSlice, AllOfItIsTheTensorItself) {
  const Matrix m(DType::q8_0);
  EXPECT_EQ(slice_rows(m.whole, 0, 3).name, "m.weight");
  EXPECT_EQ(slice_columns(m.whole, 0, 64).row_stride, 0U);
  EXPECT_EQ(slice_vector(m.whole, 0, 64).name, "m.weight");
}

}  // namespace
}  // namespace synfire
