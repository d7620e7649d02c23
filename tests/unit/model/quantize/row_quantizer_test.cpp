#include "core/model/quantize/row_quantizer.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "plugins/sdk/block_codec.hpp"

namespace synfire::quantize {
namespace {

constexpr DType kSearched[] = {DType::q8_0, DType::q4_0, DType::q4_k, DType::q6_k};
constexpr std::size_t kValues = 256 * 8;

using Row = std::vector<float>;

Row made(const std::function<float(std::mt19937&)>& value) {
  std::mt19937 random(1);
  Row row(kValues);
  for (float& v : row) v = value(random);
  return row;
}
float normal(std::mt19937& random) { return std::normal_distribution<float>()(random); }

struct Case {
  const char* name;
  Row row;
};
std::vector<Case> cases() {
  std::vector<Case> all{
      {"normal", made(normal)},
      {"heavy tails", made([](auto& r) { return std::student_t_distribution<float>(3)(r); })},
      {"uniform", made([](auto& r) { return std::uniform_real_distribution<float>(-1, 1)(r); })},
      {"positive", made([](auto& r) { return 3 + normal(r); })},
      {"negative", made([](auto& r) { return -3 - std::fabs(normal(r)); })},
      {"mostly zeros", made([](auto& r) { return r() % 16 == 0 ? normal(r) : 0.0F; })},
      {"zeros", made([](auto&) { return 0.0F; })},
      {"constant", made([](auto&) { return -0.7F; })},
      {"two values", made([](auto& r) { return r() % 2 == 0 ? 1.0F : -1.0F; })},
      {"scales under f16's normal ones", made([](auto& r) { return 1e-6F * normal(r); })},
      {"vanishing scales", made([](auto& r) { return 1e-12F * normal(r); })},
      {"large", made([](auto& r) { return 3e4F * normal(r); })},
      {"sizes apart", made([](auto& r) { return std::exp(2 * normal(r)) * normal(r); })},
  };
  return all;
}

using Quantize = std::function<bool(DType, const float*, std::size_t, std::byte*)>;
bool closely(DType dtype, const float* values, std::size_t n, std::byte* row) {
  return quantize_row_closely(dtype, values, n, row);
}

// Sums of squared errors, one for each block.
std::vector<double> errors(DType dtype, const Row& row, const Quantize& quantize) {
  std::vector<std::byte> bytes(row_bytes(dtype, row.size()));
  Row decoded(row.size());
  EXPECT_TRUE(quantize(dtype, row.data(), row.size(), bytes.data()));
  dequantize_row(dtype, bytes.data(), row.size(), decoded.data());
  const std::size_t block = dtype_info(dtype).block_size;
  std::vector<double> sums(row.size() / block);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double miss = static_cast<double>(row[i]) - static_cast<double>(decoded[i]);
    sums[i / block] += miss * miss;
  }
  return sums;
}
double total(const std::vector<double>& errors) {
  double sum = 0;
  for (const double error : errors) sum += error;
  return sum;
}

TEST(RowQuantizer, NoBlockIsFurtherOffThanThePlainCodecs) {
  for (const Case& c : cases())
    for (const DType dtype : kSearched) {
      const auto plain = errors(dtype, c.row, quantize_row);
      const auto searched = errors(dtype, c.row, closely);
      for (std::size_t i = 0; i < plain.size(); ++i)
        // The search rounds its sums to float.
        EXPECT_LE(searched[i], plain[i] * (1 + 1e-4)) << dtype_info(dtype).name << ", " << c.name;
    }
}

TEST(RowQuantizer, TheErrorOfNormalWeightsIsWellUnderThePlainCodecs) {
  const struct {
    DType dtype;
    double share;
  } wanted[] = {{DType::q8_0, 0.80}, {DType::q4_0, 0.90}, {DType::q4_k, 0.83}, {DType::q6_k, 0.77}};
  const Row row = made(normal);
  for (const auto& [dtype, share] : wanted)
    EXPECT_LT(total(errors(dtype, row, closely)), share * total(errors(dtype, row, quantize_row)))
        << dtype_info(dtype).name;
}

// Where one part's line is no line, the search must not lose the others.
TEST(RowQuantizer, AConstantPartDoesNotCostTheOthersOfItsBlock) {
  for (const float constant : {-0.7F, 0.0F, 0.7F})
    for (const DType dtype : {DType::q4_k, DType::q6_k}) {
      Row row = made(normal);
      for (std::size_t i = 0; i < row.size(); ++i)
        if (i % 256 < 32) row[i] = constant;
      EXPECT_LT(total(errors(dtype, row, closely)), 0.86 * total(errors(dtype, row, quantize_row)))
          << dtype_info(dtype).name << ", " << constant;
    }
}

// Least error of 32 values on codes [low, high] times any real step. For a step s the codes are the
// nearest to value / s; they change only where one value passes a half, so each of these intervals
// of 1 / s has one set of codes, whose best step least squares gives.
double least_error(const float* values, int low, int high) {
  double square = 0, best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < 32; ++i) square += static_cast<double>(values[i]) * values[i];
  for (const int sign : {-1, 1}) {
    std::vector<std::pair<double, std::size_t>> changes;  // 1 / step, value whose code goes up
    for (std::size_t i = 0; i < 32; ++i) {
      const double value = std::fabs(static_cast<double>(values[i]));
      const int most = sign * values[i] >= 0 ? high : -low;
      for (int code = 0; code < most && value > 0; ++code)
        changes.emplace_back((code + 0.5) / value, i);
    }
    std::sort(changes.begin(), changes.end());
    std::vector<int> codes(32);
    double product = 0, squares = 0;
    for (const auto& [at, i] : changes) {
      product += std::fabs(static_cast<double>(values[i]));
      squares += 2 * codes[i]++ + 1;
      best = std::min(best, square - product * product / squares);
    }
  }
  return best;
}

TEST(RowQuantizer, OneScaleIsNearlyTheBest) {
  const Row row = made(normal);
  const struct {
    DType dtype;
    int low, high;
    double within;
  } wanted[] = {{DType::q8_0, -127, 127, 1.05}, {DType::q4_0, -8, 7, 1.01}};
  for (const auto& [dtype, low, high, within] : wanted) {
    double least = 0;
    for (std::size_t i = 0; i < row.size(); i += 32) least += least_error(&row[i], low, high);
    const double found = total(errors(dtype, row, closely));
    EXPECT_GE(found, least * (1 - 1e-3)) << dtype_info(dtype).name;
    EXPECT_LE(found, least * within) << dtype_info(dtype).name;
  }
}

TEST(RowQuantizer, EveryLevelGivesTheSameBits) {
  if (best_search_level() == SearchLevel::baseline) GTEST_SKIP() << "needs AVX2";
  for (const Case& c : cases())
    for (const DType dtype : kSearched) {
      std::vector<std::byte> one(row_bytes(dtype, c.row.size())), other(one.size());
      quantize_row_closely(dtype, c.row.data(), c.row.size(), one.data(), SearchLevel::baseline);
      quantize_row_closely(dtype, c.row.data(), c.row.size(), other.data(), SearchLevel::avx2);
      EXPECT_EQ(one, other) << dtype_info(dtype).name << ", " << c.name;
    }
}

TEST(RowQuantizer, OtherDtypesAreThePlainCodecs) {
  const Row row = made(normal);
  for (const DType dtype : {DType::bf16, DType::f16, DType::f32, DType::q4_1, DType::q5_k})
    EXPECT_EQ(errors(dtype, row, closely), errors(dtype, row, quantize_row));
  std::byte untouched{7};
  EXPECT_FALSE(quantize_row_closely(DType::i32, row.data(), 1, &untouched));
  EXPECT_EQ(untouched, std::byte{7});
}

}  // namespace
}  // namespace synfire::quantize
