#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <gtest/gtest.h>

#include "core/engine/engine.hpp"
#include "core/model/golden.hpp"

namespace synfire::test {

// Largest difference of two rows of logits; infinite where one is not a number.
inline double worst_difference(std::span<const float> got, std::span<const float> want) {
  EXPECT_EQ(got.size(), want.size());
  double worst = 0;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    const double difference = std::abs(double{got[i]} - want[i]);
    worst = std::isnan(difference) ? std::numeric_limits<double>::infinity()
                                   : std::max(worst, difference);
  }
  return worst;
}

// An engine of that configuration says the golden's logits, prompt by prompt.
inline void expect_golden_logits(const EngineConfig& config, const Golden& golden,
                                 double tolerance) {
  const auto engine = Engine::make(config);
  ASSERT_TRUE(engine.ok()) << engine.status().to_string();
  ASSERT_FALSE(golden.prompts().empty());
  for (const auto& prompt : golden.prompts()) {
    const auto logits = (*engine)->logits(prompt.tokens);
    ASSERT_TRUE(logits.ok()) << logits.status().to_string();
    ASSERT_EQ(logits->size(), prompt.logits->values.size());
    EXPECT_LE(worst_difference(*logits, prompt.logits->values), tolerance);
  }
}

}  // namespace synfire::test
