#include "core/model/synth/predictor_rows.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace synfire::synth {
namespace {

// Each pair of hidden units is some latent's, and a latent's copies are all its pairs.
void expect_complete(const HiddenUnits& units) {
  std::vector<int> uses(units.rank);
  for (std::uint32_t latent = 0; latent < units.latents; ++latent) {
    EXPECT_GE(units.copies(latent), 1U);
    for (std::uint32_t copy = 0; copy < units.copies(latent); ++copy) {
      const std::uint32_t unit = units.positive(latent, copy);
      ASSERT_LT(unit + 1, units.rank);
      ++uses[unit];
      ++uses[unit + 1];
      EXPECT_EQ((unit - kConstantDims) / 2 % units.latents, latent);
    }
  }
  for (std::uint32_t unit = kConstantDims; unit < kConstantDims + 2 * units.pairs(); ++unit)
    EXPECT_EQ(uses[unit], 1) << unit;
}

TEST(HiddenUnits, PairsAreSharedOut) {
  expect_complete(HiddenUnits(768, 64));  // 5.75 copies
  expect_complete(HiddenUnits(1536, 128));
  expect_complete(HiddenUnits(64, 16));  // one each
}

}  // namespace
}  // namespace synfire::synth
