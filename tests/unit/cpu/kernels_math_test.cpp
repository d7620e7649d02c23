#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "plugins/sdk/block_codec.hpp"
#include "plugins/sdk/ops.h"
#include "tests/unit/cpu/levels.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kSizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100};
constexpr float kGuard = 1234.5f;

class MathTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  std::vector<float> random_row(std::size_t n, float spread = 1.0f) {
    std::normal_distribution<float> normal(0.0f, spread);
    std::vector<float> row(n);
    for (float& value : row) value = normal(random_);
    return row;
  }
  // n elements of room and a guard after them.
  static std::vector<float> room(std::size_t n) {
    std::vector<float> row(n + 1);
    row[n] = kGuard;
    return row;
  }

  const KernelTable& kernels_ = *GetParam();
  std::mt19937 random_{11};
};

TEST_P(MathTest, AddAndScale) {
  for (const std::uint32_t n : kSizes) {
    const std::vector<float> a = random_row(n), b = random_row(n);
    std::vector<float> y = room(n);
    kernels_.add(a.data(), b.data(), n, y.data());
    for (std::uint32_t i = 0; i < n; ++i) ASSERT_EQ(y[i], a[i] + b[i]);
    kernels_.scale(0.5f, n, y.data());
    for (std::uint32_t i = 0; i < n; ++i) ASSERT_EQ(y[i], (a[i] + b[i]) * 0.5f);
    ASSERT_EQ(y[n], kGuard);
  }
}

TEST_P(MathTest, RmsNorm) {
  for (const std::uint32_t n : kSizes) {
    const std::vector<float> x = random_row(n), weight = random_row(n);
    std::vector<float> y = room(n);
    kernels_.rms_norm(x.data(), weight.data(), n, 1e-5f, y.data());
    const double squares = std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
    for (std::uint32_t i = 0; i < n; ++i)
      ASSERT_NEAR(y[i], x[i] / std::sqrt(squares / n + 1e-5) * weight[i], 2e-6);
    ASSERT_EQ(y[n], kGuard);
  }
}

TEST_P(MathTest, LayerNorm) {
  for (const std::uint32_t n : kSizes) {
    std::vector<float> x = random_row(n);
    for (float& value : x) value += 100;  // far from 0, which squares of x itself would show
    const std::vector<float> weight = random_row(n);
    std::vector<float> y = room(n);
    kernels_.layer_norm(x.data(), weight.data(), n, 1e-5f, y.data());
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
    double squares = 0;
    for (std::uint32_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
    for (std::uint32_t i = 0; i < n; ++i)
      ASSERT_NEAR(y[i], (x[i] - mean) / std::sqrt(squares / n + 1e-5) * weight[i], 1e-4);
    ASSERT_EQ(y[n], kGuard);
  }
}

double activation(std::uint32_t kind, double x) {
  switch (kind) {
    case SF_ACTIVATION_SILU: return x / (1 + std::exp(-x));
    case SF_ACTIVATION_RELU2: return x > 0 ? x * x : 0;
    case SF_ACTIVATION_GELU: return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
    default: return x > 0 ? x : 0;
  }
}

TEST_P(MathTest, Activations) {
  for (std::uint32_t kind = SF_ACTIVATION_SILU; kind <= SF_ACTIVATION_DRELU; ++kind)
    for (const std::uint32_t n : kSizes) {
      const std::vector<float> gate = random_row(n, 3.0f), up = random_row(n);
      std::vector<float> y = room(n), alone = room(n);
      kernels_.activate(kind, gate.data(), up.data(), n, y.data());
      kernels_.activate(kind, gate.data(), nullptr, n, alone.data());
      for (std::uint32_t i = 0; i < n; ++i) {
        const double second = kind == SF_ACTIVATION_DRELU ? activation(kind, up[i]) : up[i];
        ASSERT_NEAR(y[i], activation(kind, gate[i]) * second, 2e-5) << "kind " << kind;
        ASSERT_NEAR(alone[i], activation(kind, gate[i]), 1e-5) << "kind " << kind;
      }
      ASSERT_EQ(y[n], kGuard);
    }
}

TEST_P(MathTest, SiluOfHugeNumbersIsFinite) {
  const std::vector<float> x = {-1e30f, -200.0f, -88.0f, 0.0f, 88.0f, 200.0f, 1e30f};
  std::vector<float> y(x.size());
  kernels_.activate(SF_ACTIVATION_SILU, x.data(), nullptr, 7, y.data());
  for (std::size_t i = 1; i < 3; ++i) EXPECT_NEAR(y[i], 0.0f, 1e-30f);
  EXPECT_EQ(y[3], 0.0f);
  for (std::size_t i = 4; i < 7; ++i) EXPECT_FLOAT_EQ(y[i], x[i]);
}

TEST_P(MathTest, RotationsTurnPairs) {
  for (const std::uint32_t pairs : kSizes) {
    const std::vector<float> x = random_row(2 * pairs), cosines = random_row(pairs),
                             sines = random_row(pairs);
    std::vector<float> y = room(2 * pairs), halves = room(2 * pairs);
    kernels_.rotate_adjacent(x.data(), cosines.data(), sines.data(), pairs, y.data());
    kernels_.rotate_halves(x.data(), cosines.data(), sines.data(), pairs, halves.data());
    for (std::uint32_t i = 0; i < pairs; ++i) {
      EXPECT_FLOAT_EQ(y[2 * i], x[2 * i] * cosines[i] - x[2 * i + 1] * sines[i]);
      EXPECT_FLOAT_EQ(y[2 * i + 1], x[2 * i] * sines[i] + x[2 * i + 1] * cosines[i]);
      EXPECT_FLOAT_EQ(halves[i], x[i] * cosines[i] - x[i + pairs] * sines[i]);
      EXPECT_FLOAT_EQ(halves[i + pairs], x[i] * sines[i] + x[i + pairs] * cosines[i]);
    }
    ASSERT_EQ(y[2 * pairs], kGuard);
  }
}

TEST_P(MathTest, HalvesRoundAsTheCodecDoes) {
  for (const std::uint32_t n : kSizes) {
    const std::vector<float> x = random_row(n, 100.0f);
    std::vector<std::uint16_t> y(n + 1, 0xabcd);
    kernels_.to_f16(x.data(), n, y.data());
    for (std::uint32_t i = 0; i < n; ++i) ASSERT_EQ(y[i], f32_to_f16(x[i]));
    ASSERT_EQ(y[n], 0xabcd);
  }
}

TEST_P(MathTest, AboveListsIdsInOrder) {
  for (const std::uint32_t n : kSizes) {
    const std::vector<float> scores = random_row(n);
    std::vector<std::uint32_t> want;
    for (std::uint32_t i = 0; i < n; ++i)
      if (scores[i] > 0.25f) want.push_back(1000 + i);
    std::vector<std::uint32_t> ids(n + 1, 7u);
    const std::uint32_t found = kernels_.above(scores.data(), n, 0.25f, 1000, ids.data());
    ASSERT_EQ(found, want.size());
    ASSERT_EQ(ids[n], 7u);
    ids.resize(found);
    ASSERT_EQ(ids, want);
  }
}

TEST_P(MathTest, AboveByTokenSetsABitForEachToken) {
  constexpr std::size_t kWords = 2;
  for (const std::uint32_t n : kSizes)
    for (const std::uint32_t n_tokens : {1u, 8u, 32u, 33u, 64u}) {
      const std::size_t stride = n + 3;
      std::vector<float> scores = random_row(static_cast<std::uint32_t>(n_tokens * stride));
      scores[0] = std::numeric_limits<float>::quiet_NaN();
      std::vector<std::uint64_t> masks((n + 1) * kWords, 7u), want = masks;
      for (std::uint32_t i = 0; i < n; ++i) {
        want[i * kWords] = 0;
        for (std::uint32_t t = 0; t < n_tokens; ++t)
          if (scores[t * stride + i] > -0.25f) want[i * kWords] |= std::uint64_t{1} << t;
      }
      kernels_.above_by_token(scores.data(), stride, n_tokens, n, -0.25f, masks.data(), kWords);
      ASSERT_EQ(masks, want) << n << " scores, " << n_tokens << " tokens";
    }
}

TEST_P(MathTest, CombineIsAChainOfMultiplyAdds) {
  for (const std::uint32_t n : {3u, 16u, 40u, 64u})
    for (const std::uint32_t rows : {1u, 4u, 9u}) {
      const std::uint32_t n_x = 11, stride = 13;
      const std::vector<float> x = random_row(n_x * n), h = random_row(rows * stride);
      std::vector<float> out(rows * n, 0.5f);
      kernels_.combine(x.data(), n_x, n, h.data(), stride, rows, out.data());
      for (std::uint32_t r = 0; r < rows; ++r)
        for (std::uint32_t i = 0; i < n; ++i) {
          float want = 0.5f;
          for (std::uint32_t j = 0; j < n_x; ++j)
            want = std::fma(h[r * stride + j], x[j * n + i], want);
          ASSERT_EQ(out[r * n + i], want);
        }
    }
}

TEST_P(MathTest, ReadSumsAllWords) {
  std::vector<std::uint64_t> words(512);
  std::iota(words.begin(), words.end(), std::uint64_t{1} << 62);
  EXPECT_EQ(kernels_.read(reinterpret_cast<const std::byte*>(words.data()), 4096),
            std::accumulate(words.begin(), words.end(), std::uint64_t{0}));
}

INSTANTIATE_TEST_SUITE_P(Levels, MathTest, testing::ValuesIn(machine_levels()), level_test_name);

}  // namespace
}  // namespace synfire::cpu
