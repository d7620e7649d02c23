#pragma once

#include <chrono>
#include <cstddef>

// What one core can multiply at most: loops of nothing but the instruction, on registers. Only for
// processors that have it.
namespace synfire::bench {

// 16 independent sums in zmm16 .. zmm31, so that the latency of an addition is hidden.
#define SYNFIRE_16_TIMES(X) \
  X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)

// Calls `sixteen`, which executes 16 instructions of `macs` each, often; multiply-adds per second.
template <typename Sixteen>
double rate_of(double macs, const Sixteen& sixteen) {
  constexpr std::size_t kRuns = 2'000'000;  // some milliseconds
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t run = 0; run < kRuns; ++run) sixteen();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return macs * 16 * kRuns / spent.count();
}

inline double int8_peak() {
  return rate_of(64, [] {
#define SYNFIRE_DOT(n) "vpdpbusd %%zmm0, %%zmm1, %%zmm" #n "\n\t"
    __asm__ volatile(SYNFIRE_16_TIMES(SYNFIRE_DOT)::
                         : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
                           "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
#undef SYNFIRE_DOT
  });
}

inline double float_peak() {
  return rate_of(16, [] {
#define SYNFIRE_FMA(n) "vfmadd231ps %%zmm0, %%zmm1, %%zmm" #n "\n\t"
    __asm__ volatile(SYNFIRE_16_TIMES(SYNFIRE_FMA)::
                         : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
                           "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
#undef SYNFIRE_FMA
  });
}

#undef SYNFIRE_16_TIMES

}  // namespace synfire::bench
