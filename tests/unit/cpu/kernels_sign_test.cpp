#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/unit/cpu/levels.hpp"

namespace synfire::cpu {
namespace {

class SignKernels : public testing::TestWithParam<const KernelTable*> {};

TEST_P(SignKernels, SumsQuantsWithTheirSigns) {
  std::mt19937 random(7);
  for (const std::uint32_t n_blocks : {1u, 2u, 3u, 8u, 33u})
    for (const std::uint32_t n_rows : {1u, 2u, 4u, 7u, 16u}) {
      SCOPED_TRACE(testing::Message() << n_rows << " rows of " << n_blocks << " blocks");
      const std::size_t row_bytes = std::size_t{n_blocks} * 4;
      std::vector<std::byte> rows(n_rows * row_bytes);
      for (std::byte& byte : rows) byte = static_cast<std::byte>(random() & 255);
      std::vector<std::int8_t> quants(std::size_t{n_blocks} * 32);
      for (std::int8_t& quant : quants) quant = static_cast<std::int8_t>(int(random() % 255) - 127);
      std::vector<float> scales(n_blocks);
      for (float& scale : scales) scale = static_cast<float>(random() % 1000) / 1000;
      std::vector<float> out(n_rows, NAN);
      GetParam()->sign_dot(rows.data(), row_bytes, n_rows, n_blocks, quants.data(), scales.data(),
                           out.data());
      for (std::uint32_t r = 0; r < n_rows; ++r) {
        double want = 0, size = 0;
        for (std::size_t i = 0; i < quants.size(); ++i) {
          const auto byte = std::to_integer<unsigned>(rows[r * row_bytes + i / 8]);
          const double value = double{scales[i / 32]} * quants[i];
          want += (byte >> i % 8 & 1) != 0 ? -value : value;
          size += std::abs(value);
        }
        EXPECT_NEAR(out[r], want, 1e-6 * size) << "row " << r;
      }
    }
}

TEST_P(SignKernels, ARowDoesNotDependOnTheOthers) {
  std::mt19937 random(8);
  constexpr std::uint32_t kBlocks = 9, kRows = 11;
  std::vector<std::byte> rows(kRows * kBlocks * 4);
  for (std::byte& byte : rows) byte = static_cast<std::byte>(random() & 255);
  std::vector<std::int8_t> quants(kBlocks * 32);
  for (std::int8_t& quant : quants) quant = static_cast<std::int8_t>(int(random() % 255) - 127);
  const std::vector<float> scales(kBlocks, 0.37f);
  std::vector<float> all(kRows);
  GetParam()->sign_dot(rows.data(), kBlocks * 4, kRows, kBlocks, quants.data(), scales.data(),
                       all.data());
  for (std::uint32_t r = 0; r < kRows; ++r) {
    float alone = NAN;
    GetParam()->sign_dot(rows.data() + r * kBlocks * 4, kBlocks * 4, 1, kBlocks, quants.data(),
                         scales.data(), &alone);
    EXPECT_EQ(alone, all[r]) << r;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, SignKernels, testing::ValuesIn(machine_levels()), level_test_name);

}  // namespace
}  // namespace synfire::cpu
