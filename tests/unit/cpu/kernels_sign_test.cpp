#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "backends/cpu/packed_rows.hpp"
#include "tests/unit/cpu/levels.hpp"
#include "tests/unit/cpu/random_tokens.hpp"

namespace synfire::cpu {
namespace {

class SignKernels : public testing::TestWithParam<const KernelTable*> {};

// Random signs in a file's order, and packed.
struct Signs {
  Signs(std::uint32_t n_rows, std::uint32_t n_bytes, std::mt19937& random)
      : bytes(n_bytes),
        stride(packed_stride(DType::i8, n_bytes)),
        file(std::size_t{n_rows} * n_bytes),
        packed(n_rows * stride) {
    for (std::byte& byte : file) byte = static_cast<std::byte>(random() & 255);
    for (std::uint32_t r = 0; r < n_rows; ++r)
      pack_row(DType::i8, file.data() + r * bytes, bytes, packed.data() + r * stride);
  }
  [[nodiscard]] bool minus(std::uint32_t r, std::uint32_t i) const {
    return (std::to_integer<unsigned>(file[r * bytes + i / 8]) >> i % 8 & 1) != 0;
  }

  std::size_t bytes, stride;
  std::vector<std::byte> file, packed;
};

// Quants of whole units in packed order.
std::vector<std::int8_t> random_quants(std::uint32_t n_units, std::mt19937& random) {
  std::vector<std::int8_t> quants(std::size_t{n_units} * kUnit);
  for (std::int8_t& quant : quants) quant = static_cast<std::int8_t>(int(random() % 255) - 127);
  return quants;
}

TEST_P(SignKernels, SumsQuantsWithTheirSigns) {
  std::mt19937 random(7);
  for (const std::uint32_t n_units : {1u, 2u, 5u})
    for (const std::uint32_t n_rows : {1u, 2u, 4u, 7u, 16u}) {
      SCOPED_TRACE(testing::Message() << n_rows << " rows of " << n_units << " units");
      const Signs signs(n_rows, n_units * kUnit / 8, random);
      const std::vector<std::int8_t> quants = random_quants(n_units, random);
      std::vector<float> scales(n_units * 8);
      for (float& scale : scales) scale = static_cast<float>(random() % 1000) / 1000;
      std::vector<float> out(n_rows, NAN);
      GetParam()->sign_dot(signs.packed.data(), signs.stride, n_rows, n_units, quants.data(),
                           scales.data(), out.data());
      for (std::uint32_t r = 0; r < n_rows; ++r) {
        double want = 0, size = 0;
        for (std::uint32_t i = 0; i < n_units * kUnit; ++i) {
          const std::uint32_t place = i / kUnit * kUnit + packed_place(i % kUnit);
          const double value = double{scales[i / 32]} * quants[place];
          want += signs.minus(r, i) ? -value : value;
          size += std::abs(value);
        }
        EXPECT_NEAR(out[r], want, 1e-6 * size) << "row " << r;
      }
    }
}

// A last unit of 2 or 4 blocks has their signs where a token has their quants.
TEST_P(SignKernels, RowsThatAreNoWholeUnits) {
  std::mt19937 random(9);
  for (const std::uint32_t cols : {32u, 64u, 320u, 384u, 576u, 960u}) {
    SCOPED_TRACE(cols);
    constexpr std::uint32_t kRows = 5;
    const Signs signs(kRows, cols / 8, random);
    Tokens token(cols, 1);
    const Activations x = token.prepare(*GetParam(), true);
    float out[kRows];
    GetParam()->sign_dot(signs.packed.data(), signs.stride, kRows, units_of(cols), x.quants,
                         x.scales, out);
    for (std::uint32_t r = 0; r < kRows; ++r) {
      double want = 0;
      for (std::uint32_t i = 0; i < cols; ++i)
        want += signs.minus(r, i) ? -token.value(0, i, true) : token.value(0, i, true);
      EXPECT_NEAR(out[r], want, 1e-6 * cols) << "row " << r;
    }
  }
}

TEST_P(SignKernels, ARowDoesNotDependOnTheOthers) {
  std::mt19937 random(8);
  constexpr std::uint32_t kUnits = 3, kRows = 11;
  const Signs signs(kRows, kUnits * kUnit / 8, random);
  const std::vector<std::int8_t> quants = random_quants(kUnits, random);
  const std::vector<float> scales(kUnits * 8, 0.37f);
  std::vector<float> all(kRows);
  GetParam()->sign_dot(signs.packed.data(), signs.stride, kRows, kUnits, quants.data(),
                       scales.data(), all.data());
  for (std::uint32_t r = 0; r < kRows; ++r) {
    float alone = NAN;
    GetParam()->sign_dot(signs.packed.data() + r * signs.stride, signs.stride, 1, kUnits,
                         quants.data(), scales.data(), &alone);
    EXPECT_EQ(alone, all[r]) << r;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, SignKernels, testing::ValuesIn(machine_levels()), level_test_name);

}  // namespace
}  // namespace synfire::cpu
