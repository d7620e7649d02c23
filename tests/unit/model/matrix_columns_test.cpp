#include "core/model/matrix_columns.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

TEST(MatrixColumns, AreTheRowsOfTheTransposedMatrix) {
  const std::vector<float> matrix{1, 2, 3, 4, 5, 6};  // 2 rows of 3
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    std::vector<std::byte> data(row_bytes(dtype, matrix.size()));
    quantize_row(dtype, matrix.data(), matrix.size(), data.data());
    std::vector<float> columns(4);
    read_columns({dtype, data.data(), 2, 3}, 1, 3, columns.data());
    EXPECT_THAT(columns, testing::ElementsAre(2, 5, 3, 6)) << dtype_info(dtype).name;
  }
}

}  // namespace
}  // namespace synfire
