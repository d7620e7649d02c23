#include "core/runtime/layer_scorers.hpp"

#include <random>

#include <gtest/gtest.h>

#include "core/runtime/fitted_tensor.hpp"
#include "core/sparsity/matrix_math.hpp"

namespace synfire {
namespace {

constexpr std::size_t kTokens = 5, kWidth = 64, kNeurons = 40, kRank = 32;

std::vector<float> normals(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

struct Parts {
  std::vector<float> x = normals(kTokens * kWidth, 1);
  std::vector<float> a = normals(kRank * kWidth, 2), b = normals(kNeurons * kRank, 3);

  [[nodiscard]] LayerScorer scorer(DType of_b) const {
    return {encoded("a", DType::f32, a, kWidth), encoded("b", of_b, b, kRank)};
  }
};

// A device makes int8 of what quantized rows multiply: a fit that did not would find int8 b better
// than it is.
TEST(LayerScorer, WhatAQuantizedBMultipliesIsRounded) {
  const Parts parts;
  const std::vector<float> inner = multiply_transposed(parts.x, parts.a, kWidth);
  for (const DType dtype : {DType::q8_0, DType::q4_0}) {
    const std::vector<float> b = values_of(encoded("b", dtype, parts.b, kRank));
    const std::vector<float> rounded = multiply_transposed(as_int8_blocks(inner, kRank), b, kRank);
    EXPECT_EQ(parts.scorer(dtype).scores(parts.x), rounded);
    EXPECT_NE(parts.scorer(dtype).scores(parts.x), multiply_transposed(inner, b, kRank));
  }
  const std::vector<float> half = values_of(encoded("b", DType::f16, parts.b, kRank));
  EXPECT_EQ(parts.scorer(DType::f16).scores(parts.x), multiply_transposed(inner, half, kRank));
}

TEST(LayerScorer, SignsAddUpInputsAndTakeABitEach) {
  const Parts parts;
  std::vector<std::uint8_t> negative(kNeurons * kWidth);
  for (std::size_t i = 0; i < negative.size(); ++i) negative[i] = i % 3 == 0 ? 1 : 0;
  LayerScorer alone, both = parts.scorer(DType::f16);
  const std::uint64_t low_rank_bytes = both.bytes();
  const std::vector<float> low_rank = both.scores(parts.x);
  alone.add_signs(negative, kWidth, "signs");
  both.add_signs(negative, kWidth, "signs");
  EXPECT_EQ(alone.rank(), 0U);
  EXPECT_EQ(both.rank(), kRank);
  EXPECT_EQ(alone.bytes(), kNeurons * kWidth / 8);
  EXPECT_EQ(both.bytes(), low_rank_bytes + kNeurons * kWidth / 8);
  const std::vector<float> of_signs = alone.scores(parts.x), sum = both.scores(parts.x);
  for (std::size_t t = 0; t < kTokens; ++t)
    for (std::size_t j = 0; j < kNeurons; ++j) {
      float want = 0;
      for (std::size_t i = 0; i < kWidth; ++i)
        want += (negative[j * kWidth + i] != 0 ? -1.0F : 1.0F) * parts.x[t * kWidth + i];
      EXPECT_NEAR(of_signs[t * kNeurons + j], want, 1e-4F);
      EXPECT_NEAR(sum[t * kNeurons + j], want + low_rank[t * kNeurons + j], 1e-3F);
    }
  EXPECT_EQ(std::move(alone).take_tensors().size(), 1U);
  EXPECT_EQ(std::move(both).take_tensors().size(), 3U);
  LayerScorer own;  // of the gate: nothing to keep
  own.add_signs(negative, kWidth, "");
  EXPECT_EQ(own.bytes(), kNeurons * kWidth / 8);
  EXPECT_TRUE(std::move(own).take_tensors().empty());
}

}  // namespace
}  // namespace synfire
