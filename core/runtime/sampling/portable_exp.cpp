#include "core/runtime/sampling/portable_exp.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

namespace synfire {

double portable_exp(double x) {
  if (!(x >= -708)) return 0;  // below the normal numbers
  // x = k ln 2 + r, |r| <= ln 2 / 2. The upper half of ln 2 has 33 bits, so k times it is exact.
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  constexpr double kLn2High = 0x1.62e42fee00000p-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const double k = std::floor(x * kLog2E + 0.5);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  // Taylor; the term left out, r^14 / 14!, is below 5e-18.
  double sum = 1.0 / 6227020800;
  constexpr double kInverseFactorials[] = {1.0 / 479001600,
                                           1.0 / 39916800,
                                           1.0 / 3628800,
                                           1.0 / 362880,
                                           1.0 / 40320,
                                           1.0 / 5040,
                                           1.0 / 720,
                                           1.0 / 120,
                                           1.0 / 24,
                                           1.0 / 6,
                                           1.0 / 2,
                                           1.0,
                                           1.0};
  for (const double c : kInverseFactorials) sum = sum * r + c;
  const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023);
  return sum * std::bit_cast<double>(exponent << 52);
}

}  // namespace synfire
