#include "core/model/synth/output_rows.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "core/model/synth/random_rows.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::synth {
namespace {

constexpr std::uint32_t kWidth = 512;
constexpr std::uint32_t kVocab = 500;

std::vector<float> row_of(const RowSource& rows, std::uint64_t row) {
  std::vector<std::byte> bytes(row_bytes(DType::f16, kWidth));
  rows.write(row, bytes.data());
  std::vector<float> values(kWidth);
  dequantize_row(DType::f16, bytes.data(), kWidth, values.data());
  return values;
}

class OutputRowsTest : public testing::Test {
 protected:
  const CounterRandom random_{1};
  const CounterRandom of_embedding_ = random_.part(0);
  const BaseNoise noise_{random_, kWidth};
  const BlockPool unit_{noise_, DType::f16, 1, kWidth};
  const BlockPool quarter_{noise_, DType::f16, 0.25F, kWidth};
  const RandomRows embedding_{unit_, of_embedding_, kWidth};
  const OutputRows output_{quarter_, random_.part(1), of_embedding_, kWidth, kVocab, 0.5};
};

TEST_F(OutputRowsTest, EveryTokenFollowsAnother) {
  std::set<std::uint64_t> seen;
  std::uint64_t token = 3;
  for (std::uint32_t i = 0; i < kVocab; ++i) seen.insert(token = output_.predecessor(token));
  EXPECT_EQ(seen.size(), kVocab);
}

TEST_F(OutputRowsTest, HalfOfARowIsThePredecessorsEmbedding) {
  const std::vector<float> row = row_of(output_, 77);
  const std::vector<float> before = row_of(embedding_, output_.predecessor(77));
  std::uint32_t same = 0;
  for (std::uint32_t i = 0; i < kWidth; ++i) same += std::abs(row[i] - 0.25F * before[i]) < 1e-3F;
  EXPECT_GE(same, kWidth / 2);
  EXPECT_LT(same, kWidth * 5 / 8);
}

}  // namespace
}  // namespace synfire::synth
