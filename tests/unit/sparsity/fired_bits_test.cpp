#include "core/sparsity/fired_bits.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace synfire {
namespace {

TEST(FiredBits, AreThoseOfGatesOverZero) {
  std::mt19937 random(1);
  for (const std::size_t n : {1U, 63U, 64U, 65U, 200U}) {
    std::vector<float> gates(n);
    for (float& gate : gates) gate = static_cast<float>(random() % 3) - 1;
    gates[0] = std::numeric_limits<float>::quiet_NaN();
    gates[n / 2] = -0.0F;
    gates[n - 1] = std::numeric_limits<float>::denorm_min();
    std::vector<std::uint64_t> words(fired_words(n), ~std::uint64_t{0});
    pack_fired(gates, words.data());
    for (std::size_t j = 0; j < 64 * words.size(); ++j)
      EXPECT_EQ(words[j / 64] >> j % 64 & 1, j < n && gates[j] > 0 ? 1U : 0U) << n << " " << j;
  }
}

TEST(FiredBits, TransposeExchangesRowsAndColumns) {
  std::mt19937_64 random(2);
  std::uint64_t rows[64], columns[64];
  for (int r = 0; r < 64; ++r) columns[r] = rows[r] = random();
  transpose_bits(columns);
  for (int r = 0; r < 64; ++r)
    for (int c = 0; c < 64; ++c) EXPECT_EQ(columns[c] >> r & 1, rows[r] >> c & 1) << r << " " << c;
}

TEST(FiredBits, CommonOnesAreCounted) {
  std::mt19937_64 random(3);
  std::vector<std::uint64_t> a(5), b(5);
  std::uint64_t wanted = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = random();
    b[i] = random();
    wanted += static_cast<std::uint64_t>(std::popcount(a[i] & b[i]));
  }
  EXPECT_EQ(count_common(a, b), wanted);
  EXPECT_EQ(count_common({}, {}), 0U);
}

TEST(FiredBits, ARunIsCountedByNeuron) {
  std::mt19937_64 random(4);
  for (const std::size_t n : {0U, 1U, 7U, 8U, 200U}) {
    std::vector<std::uint64_t> run(n), counts(n), wanted(n);
    RunFirings firings;
    for (std::size_t j = 0; j < n; ++j) {
      run[j] = j % 3 == 0 ? 0 : j % 3 == 1 ? std::uint64_t{1} << random() % 64 : random();
      counts[j] = wanted[j] = random() % 1000;
      const auto times = static_cast<std::uint64_t>(std::popcount(run[j]));
      wanted[j] += times;
      if (times != 0) ++firings.fired;
      if (times == 1) ++firings.once;
    }
    const RunFirings got = count_run(run, counts);
    EXPECT_EQ(counts, wanted) << n;
    EXPECT_EQ(got.fired, firings.fired) << n;
    EXPECT_EQ(got.once, firings.once) << n;
    const std::uint64_t bits = random();
    for (std::size_t j = 0; j < n; ++j)
      wanted[j] += static_cast<std::uint64_t>(std::popcount(run[j] & bits));
    count_together(bits, run, counts);
    EXPECT_EQ(counts, wanted) << n;
  }
}

}  // namespace
}  // namespace synfire
