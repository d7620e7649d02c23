#include "backends/cpu/ops/partial_sums.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "backends/cpu/cpu_device.hpp"

namespace synfire::cpu {
namespace {

class PartialSumsTest : public testing::Test {
 protected:
  static constexpr std::size_t kWidth = 256;

  // Numbers whose sum depends on the order in which they are added.
  static void fill(float* sum, std::uint32_t chunk) {
    for (std::size_t i = 0; i < kWidth; ++i)
      sum[i] = 1.0f / static_cast<float>(3 + 7 * chunk + i) * (chunk % 3 == 0 ? 1e4f : -1.0f);
  }
  // Of one thread that ends its chunks in that order.
  std::vector<float> total(const std::vector<std::uint32_t>& order) {
    const auto n = static_cast<std::uint32_t>(order.size());
    PartialSums sums(workspace_, n, kWidth);
    for (const std::uint32_t chunk : order) fill(sums.begin(chunk), chunk);
    std::vector<float> result;
    for (std::uint32_t i = 0; i < n; ++i) {
      const float* const all = sums.add_up(device_.kernels(), order[i]);
      EXPECT_EQ(all != nullptr, i + 1 == n) << i << " of " << n;
      if (all != nullptr) result.assign(all, all + kWidth);
    }
    return result;
  }

  CpuDevice device_{CpuOptions{}};
  Workspace workspace_;
};

TEST_F(PartialSumsTest, AnyOrderGivesTheSameBits) {
  std::mt19937 random(5);
  for (const std::uint32_t n : {1u, 2u, 3u, 7u, 8u, 13u, 33u}) {
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0u);
    const std::vector<float> expected = total(order);
    for (int i = 0; i < 20; ++i) {
      std::shuffle(order.begin(), order.end(), random);
      EXPECT_EQ(total(order), expected) << n << " chunks";
    }
  }
}

TEST_F(PartialSumsTest, EveryChunkIsInTheSum) {
  const std::uint32_t n = 21;
  PartialSums sums(workspace_, n, kWidth);
  const float* all = nullptr;
  for (std::uint32_t chunk = 0; chunk < n; ++chunk) {
    float* const sum = sums.begin(chunk);
    for (std::size_t i = 0; i < kWidth; ++i) EXPECT_EQ(sum[i], 0.0f);
    sum[chunk] = 1.0f;
    sum[kWidth - 1] += 1.0f;
    all = sums.add_up(device_.kernels(), chunk);
  }
  ASSERT_NE(all, nullptr);
  for (std::size_t i = 0; i + 1 < kWidth; ++i) EXPECT_EQ(all[i], i < n ? 1.0f : 0.0f);
  EXPECT_EQ(all[kWidth - 1], 21.0f);
}

TEST_F(PartialSumsTest, ThreadsThatEndChunksAtTheSameTimeGiveTheSameBits) {
  constexpr std::uint32_t kChunks = 40, kThreads = 4;
  std::vector<std::uint32_t> order(kChunks);
  std::iota(order.begin(), order.end(), 0u);
  const std::vector<float> expected = total(order);
  for (int turn = 0; turn < 10; ++turn) {
    PartialSums sums(workspace_, kChunks, kWidth);
    std::atomic<std::uint32_t> next{0}, wholes{0};
    std::vector<float> result;
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&] {
        for (std::uint32_t chunk; (chunk = next++) < kChunks;) {
          fill(sums.begin(chunk), chunk);
          const float* const all = sums.add_up(device_.kernels(), chunk);
          if (all == nullptr) continue;
          ++wholes;
          result.assign(all, all + kWidth);
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wholes, 1u);
    EXPECT_EQ(result, expected);
  }
}

}  // namespace
}  // namespace synfire::cpu
