#pragma once

#include <chrono>
#include <cstddef>

// What one core can multiply at most: loops of nothing but the instruction, on registers. Only for
// processors that have it.
namespace synfire::bench {

// 16 independent sums in zmm16 .. zmm31, so that the latency of an addition is hidden.
#define SYNFIRE_16_TIMES(X) \
  X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)

// A loop of 16 instructions. For its own target: the compiler knows these registers there alone.
#define SYNFIRE_PEAK_LOOP(INSTRUCTION)                                                      \
  [](std::size_t runs) __attribute__((target("avx512f"))) {                                 \
    for (std::size_t run = 0; run < runs; ++run)                                            \
      __asm__ volatile(SYNFIRE_16_TIMES(INSTRUCTION)::                                      \
                           : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", \
                             "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", \
                             "xmm30", "xmm31");                                             \
  }

// Multiply-adds per second of a loop of 16 instructions of `macs` each.
template <typename Loop>
double rate_of(double macs, const Loop& loop) {
  constexpr std::size_t kRuns = 2'000'000;  // some milliseconds
  const auto start = std::chrono::steady_clock::now();
  loop(kRuns);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return macs * 16 * kRuns / spent.count();
}

inline double int8_peak() {
#define SYNFIRE_DOT(n) "vpdpbusd %%zmm0, %%zmm1, %%zmm" #n "\n\t"
  return rate_of(64, SYNFIRE_PEAK_LOOP(SYNFIRE_DOT));
#undef SYNFIRE_DOT
}

inline double float_peak() {
#define SYNFIRE_FMA(n) "vfmadd231ps %%zmm0, %%zmm1, %%zmm" #n "\n\t"
  return rate_of(16, SYNFIRE_PEAK_LOOP(SYNFIRE_FMA));
#undef SYNFIRE_FMA
}

#undef SYNFIRE_PEAK_LOOP
#undef SYNFIRE_16_TIMES

}  // namespace synfire::bench
