#include "core/sparsity/fired_bits.hpp"

#include <bit>

#include <immintrin.h>

namespace synfire {
namespace {

// 16 gates, by what every x86-64 has.
std::uint64_t fired_of_16(const float* gates) {
  const auto fired = [gates](int i) {
    return _mm_castps_si128(_mm_cmpgt_ps(_mm_loadu_ps(gates + 4 * i), _mm_setzero_ps()));
  };
  const __m128i low = _mm_packs_epi32(fired(0), fired(1));
  const __m128i high = _mm_packs_epi32(fired(2), fired(3));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
}

[[gnu::always_inline]] inline std::uint64_t sum_common(const std::uint64_t* a,
                                                       const std::uint64_t* b, std::size_t n) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<std::uint64_t>(std::popcount(a[i] & b[i]));
  return sum;
}

[[gnu::always_inline]] inline RunFirings add_firings(const std::uint64_t* run,
                                                     std::uint64_t* counts, std::size_t n) {
  std::uint64_t fired = 0, once = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const auto times = static_cast<std::uint64_t>(std::popcount(run[j]));
    counts[j] += times;
    fired += times != 0 ? 1 : 0;
    once += times == 1 ? 1 : 0;
  }
  return {fired, once};
}

[[gnu::always_inline]] inline void add_together(std::uint64_t bits, const std::uint64_t* run,
                                                std::uint64_t* counts, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j)
    counts[j] += static_cast<std::uint64_t>(std::popcount(run[j] & bits));
}

// The same loops for processors that count bits, one word or eight at a time.
struct Counting {
  std::uint64_t (*common)(const std::uint64_t* a, const std::uint64_t* b, std::size_t n);
  RunFirings (*run)(const std::uint64_t* run, std::uint64_t* counts, std::size_t n);
  void (*together)(std::uint64_t bits, const std::uint64_t* run, std::uint64_t* counts,
                   std::size_t n);
};

#define SYNFIRE_COUNTING(name, attribute)                                               \
  attribute std::uint64_t common_##name(const std::uint64_t* a, const std::uint64_t* b, \
                                        std::size_t n) {                                \
    return sum_common(a, b, n);                                                         \
  }                                                                                     \
  attribute RunFirings run_##name(const std::uint64_t* run, std::uint64_t* counts,      \
                                  std::size_t n) {                                      \
    return add_firings(run, counts, n);                                                 \
  }                                                                                     \
  attribute void together_##name(std::uint64_t bits, const std::uint64_t* run,          \
                                 std::uint64_t* counts, std::size_t n) {                \
    add_together(bits, run, counts, n);                                                 \
  }
SYNFIRE_COUNTING(plain, )
SYNFIRE_COUNTING(words, [[gnu::target("popcnt")]])
SYNFIRE_COUNTING(vectors, [[gnu::target("avx512f,avx512vl,avx512vpopcntdq,popcnt")]])
#undef SYNFIRE_COUNTING

Counting best_counting() {
  if (__builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vl"))
    return {common_vectors, run_vectors, together_vectors};
  if (__builtin_cpu_supports("popcnt")) return {common_words, run_words, together_words};
  return {common_plain, run_plain, together_plain};
}

const Counting& counting() {
  static const Counting best = best_counting();
  return best;
}

}  // namespace

void pack_fired(std::span<const float> gates, std::uint64_t* words) {
  std::size_t j = 0;
  for (; j + 64 <= gates.size(); j += 64)
    words[j / 64] = fired_of_16(&gates[j]) | fired_of_16(&gates[j + 16]) << 16 |
                    fired_of_16(&gates[j + 32]) << 32 | fired_of_16(&gates[j + 48]) << 48;
  if (j == gates.size()) return;
  words[j / 64] = 0;
  for (; j < gates.size(); ++j)
    words[j / 64] |= static_cast<std::uint64_t>(gates[j] > 0 ? 1 : 0) << j % 64;
}

// Blocks of half the size each time: the two off the diagonal change places (Warren, "Hacker's
// Delight", section 7-3).
void transpose_bits(std::uint64_t (&rows)[64]) {
  std::uint64_t mask = 0x00000000FFFFFFFF;
  for (std::size_t half = 32; half != 0; half /= 2, mask ^= mask << half)
    for (std::size_t r = 0; r < 64; r = (r + half + 1) & ~half) {
      const std::uint64_t swapped = ((rows[r] >> half) ^ rows[r + half]) & mask;
      rows[r] ^= swapped << half;
      rows[r + half] ^= swapped;
    }
}

std::uint64_t count_common(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) {
  return counting().common(a.data(), b.data(), a.size());
}

RunFirings count_run(std::span<const std::uint64_t> run, std::span<std::uint64_t> counts) {
  return counting().run(run.data(), counts.data(), run.size());
}

void count_together(std::uint64_t bits, std::span<const std::uint64_t> run,
                    std::span<std::uint64_t> counts) {
  counting().together(bits, run.data(), counts.data(), run.size());
}

}  // namespace synfire
