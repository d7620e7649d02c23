#include "core/runtime/sampling/logprobs.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pair;

TEST(Logprobs, AreALogSoftmax) {
  const std::vector<float> logits = {1, 2, 3, 2};
  const double norm = std::log(std::exp(1) + 2 * std::exp(2) + std::exp(3));
  const auto result = log_probabilities(logits, 0, 3);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_NEAR(result->chosen, 1 - norm, 1e-12);
  EXPECT_THAT(result->top, ElementsAre(Pair(2, DoubleNear(3 - norm, 1e-12)),
                                       Pair(1, DoubleNear(2 - norm, 1e-12)),
                                       Pair(3, DoubleNear(2 - norm, 1e-12))));
  EXPECT_NEAR(*negative_log_likelihood(logits, 0), norm - 1, 1e-12);
}

TEST(Logprobs, SumToOne) {
  std::vector<float> logits(3000);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i % 37) - 10;
  const auto result = log_probabilities(logits, 0, UINT32_MAX);
  ASSERT_EQ(result->top.size(), logits.size());
  double sum = 0;
  for (const auto& [id, logprob] : result->top) sum += std::exp(logprob);
  EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(Logprobs, HugeLogitsDoNotOverflow) {
  const std::vector<float> logits = {3e38F, -3e38F, 3e38F};
  EXPECT_NEAR(log_probabilities(logits, 0, 0)->chosen, -std::log(2), 1e22);
  EXPECT_TRUE(std::isfinite(*negative_log_likelihood(logits, 1)));
}

TEST(Logprobs, RefusesIdsAndLogitsThatAreNone) {
  const std::vector<float> logits = {0, 1};
  EXPECT_EQ(log_probabilities(logits, 2, 0).status().message(), "token: 2, want an id below 2");
  EXPECT_FALSE(log_probabilities(logits, -1, 0).ok());
  EXPECT_FALSE(log_probabilities({}, 0, 0).ok());
  const std::vector<float> bad = {0, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_EQ(log_probabilities(bad, 0, 0).status().code(), StatusCode::internal);
  EXPECT_EQ(negative_log_likelihood(bad, 0).status().code(), StatusCode::internal);
}

}  // namespace
}  // namespace synfire
