#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/unit/cpu/levels.hpp"

namespace synfire::cpu {
namespace {

// A token as sign_dot takes it, and rows of random signs.
struct Problem {
  Problem(const KernelTable& kernels, std::uint32_t width, std::uint32_t n_rows, float outlier)
      : n(width), x(width), quants(width), multipliers(width), rows(n_rows * (width / 8)) {
    std::mt19937 random(width);
    std::normal_distribution<float> normal;
    for (float& value : x) value = normal(random);
    if (outlier != 0) x[width / 2] = outlier;
    for (std::byte& byte : rows) byte = static_cast<std::byte>(random() & 255);
    scale = kernels.sign_quantize(x.data(), n, quants.data(), multipliers.data());
  }
  [[nodiscard]] bool is_minus(std::uint32_t r, std::uint32_t i) const {
    return (std::to_integer<unsigned>(rows[r * (n / 8) + i / 8]) >> i % 8 & 1) != 0;
  }
  [[nodiscard]] std::vector<float> dot(const KernelTable& kernels, std::uint32_t first,
                                       std::uint32_t n_rows) const {
    std::vector<float> out(n_rows, NAN);
    kernels.sign_dot(rows.data() + first * (n / 8), n / 8, n_rows, n, quants.data(),
                     multipliers.data(), scale, out.data());
    return out;
  }

  std::uint32_t n;
  std::vector<float> x;
  std::vector<std::int8_t> quants;
  std::vector<std::uint8_t> multipliers;
  std::vector<std::byte> rows;
  float scale = 0;
};

constexpr std::uint32_t kRows = 19;

class SignKernels : public testing::TestWithParam<const KernelTable*> {};

TEST_P(SignKernels, ElementsAreWithinHalfAStepOfTheirBlock) {
  for (const float outlier : {0.0f, 300.0f, -1e6f}) {
    const Problem p(*GetParam(), 416, 1, outlier);
    for (std::uint32_t b = 0; b < p.n; b += 32) {
      const auto [low, high] = std::minmax_element(p.x.begin() + b, p.x.begin() + b + 32);
      const float largest = std::max(std::fabs(*low), std::fabs(*high));
      // Its own best step, or one more of the token's least steps.
      const float step = p.scale * p.multipliers[b];
      EXPECT_LE(step, largest / 127 + p.scale * 1.001f);
      for (std::uint32_t i = b; i < b + 32; ++i) {
        EXPECT_EQ(p.multipliers[i], p.multipliers[b]);
        EXPECT_LE(std::fabs(p.x[i] - step * p.quants[i]), step * 0.501f) << outlier << " " << i;
      }
    }
  }
}

TEST_P(SignKernels, SumsQuantsWithTheirSigns) {
  for (const std::uint32_t n : {32u, 64u, 96u, 256u, 1056u}) {
    const Problem p(*GetParam(), n, kRows, 50);
    for (const std::uint32_t n_rows : {1u, 7u, 8u, 16u, 19u}) {
      const std::vector<float> out = p.dot(*GetParam(), 0, n_rows);
      for (std::uint32_t r = 0; r < n_rows; ++r) {
        std::int64_t sum = 0;
        for (std::uint32_t i = 0; i < n; ++i)
          sum += std::int64_t{p.multipliers[i]} * (p.is_minus(r, i) ? -p.quants[i] : p.quants[i]);
        EXPECT_EQ(out[r], p.scale * static_cast<float>(sum)) << n << ", row " << r;
      }
    }
  }
}

TEST_P(SignKernels, ARowDoesNotDependOnTheOthers) {
  const Problem p(*GetParam(), 288, kRows, 0);
  const std::vector<float> all = p.dot(*GetParam(), 0, kRows);
  for (std::uint32_t r = 0; r < kRows; ++r) EXPECT_EQ(p.dot(*GetParam(), r, 1)[0], all[r]) << r;
}

TEST_P(SignKernels, TheLargestSumsFit) {
  constexpr std::uint32_t kWidest = 1u << 20;
  const std::vector<float> x(kWidest, 1.0f);
  std::vector<std::int8_t> quants(kWidest);
  std::vector<std::uint8_t> multipliers(kWidest);
  const float scale =
      GetParam()->sign_quantize(x.data(), kWidest, quants.data(), multipliers.data());
  const std::vector<std::byte> plus(kWidest / 8), minus(kWidest / 8, std::byte{255});
  float out = 0;
  for (const auto& [row, want] : {std::pair{&plus, 1.0f}, {&minus, -1.0f}}) {
    GetParam()->sign_dot(row->data(), row->size(), 1, kWidest, quants.data(), multipliers.data(),
                         scale, &out);
    EXPECT_NEAR(out / kWidest, want, 1e-5);
  }
}

TEST_P(SignKernels, ZerosAreZero) {
  const std::vector<float> x(64);
  std::vector<std::int8_t> quants(64, 1);
  std::vector<std::uint8_t> multipliers(64);
  const float scale = GetParam()->sign_quantize(x.data(), 64, quants.data(), multipliers.data());
  const std::vector<std::byte> row(8, std::byte{0x55});
  float out = NAN;
  GetParam()->sign_dot(row.data(), 8, 1, 64, quants.data(), multipliers.data(), scale, &out);
  EXPECT_EQ(out, 0);
}

INSTANTIATE_TEST_SUITE_P(Levels, SignKernels, testing::ValuesIn(machine_levels()), level_test_name);

}  // namespace
}  // namespace synfire::cpu
