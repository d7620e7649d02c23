#include "core/runtime/sampling/portable_exp.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace synfire {
namespace {

TEST(PortableExp, AgreesWithTheLibrary) {
  double worst = 0;
  for (int i = 0; i <= 708000; ++i) {
    const double x = -i / 1000.0;
    worst = std::max(worst, std::fabs(portable_exp(x) / std::exp(x) - 1));
  }
  EXPECT_LT(worst, 5e-16);
}

TEST(PortableExp, Ends) {
  EXPECT_EQ(portable_exp(0), 1.0);
  EXPECT_GT(portable_exp(-708), 0.0);
  EXPECT_EQ(portable_exp(-709), 0.0);
  EXPECT_EQ(portable_exp(-std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_EQ(portable_exp(std::nan("")), 0.0);
}

// These bits may not depend on the machine.
TEST(PortableExp, Bits) {
  EXPECT_EQ(std::bit_cast<std::uint64_t>(portable_exp(-1)), 0x3fd78b56362cef38U);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(portable_exp(-0.1)), 0x3fecf46d99d52b3aU);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(portable_exp(-33.3)), 0x3cef165bb9b59d94U);
}

}  // namespace
}  // namespace synfire
