#include "tools/read_kernels.hpp"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace synfire::cli {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = 4096;  // hardware prefetchers stop at its end
enum class Prefetch { none, near, streaming };

template <Prefetch kHow>
inline void prefetch(const std::byte* at) {
  if constexpr (kHow == Prefetch::near) __builtin_prefetch(at, 0, 3);
  if constexpr (kHow == Prefetch::streaming) __builtin_prefetch(at, 0, 0);
}

#define SYNFIRE_AVX2 __attribute__((target("avx2")))
#define SYNFIRE_AVX512 __attribute__((target("avx512f")))

SYNFIRE_AVX2 inline std::uint64_t fold(__m256i a) {
  alignas(32) std::uint64_t words[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), a);
  return words[0] ^ words[1] ^ words[2] ^ words[3];
}

// kPages pages are read side by side, kLines lines of each at a time; each line is announced kAhead
// bytes before it is read.
template <int kPages, int kLines, Prefetch kHow, std::size_t kAhead>
SYNFIRE_AVX2 std::uint64_t read_avx2(const std::byte* from, std::size_t bytes) {
  __m256i sums[kPages * 2];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (std::size_t group = 0; group < bytes; group += kPages * kPage) {
    for (std::size_t at = 0; at < kPage; at += kLines * kLine) {
#pragma GCC unroll 8
      for (int page = 0; page < kPages; ++page) {
        const std::byte* const lines = from + group + page * kPage + at;
#pragma GCC unroll 8
        for (int line = 0; line < kLines; ++line) {
          prefetch<kHow>(lines + line * kLine + kAhead);
          const auto* const halves = reinterpret_cast<const __m256i*>(lines + line * kLine);
          sums[page * 2] = _mm256_xor_si256(sums[page * 2], _mm256_load_si256(halves));
          sums[page * 2 + 1] = _mm256_xor_si256(sums[page * 2 + 1], _mm256_load_si256(halves + 1));
        }
      }
    }
  }
  std::uint64_t sum = 0;
  for (const __m256i& part : sums) sum ^= fold(part);
  return sum;
}

// The same, a line per load.
template <int kPages, int kLines, Prefetch kHow, std::size_t kAhead>
SYNFIRE_AVX512 std::uint64_t read_avx512(const std::byte* from, std::size_t bytes) {
  __m512i sums[kPages * 2];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (std::size_t group = 0; group < bytes; group += kPages * kPage) {
    for (std::size_t at = 0; at < kPage; at += kLines * kLine) {
#pragma GCC unroll 8
      for (int page = 0; page < kPages; ++page) {
        const std::byte* const lines = from + group + page * kPage + at;
#pragma GCC unroll 8
        for (int line = 0; line < kLines; ++line) {
          prefetch<kHow>(lines + line * kLine + kAhead);
          __m512i& sum = sums[page * 2 + line % 2];
          sum = _mm512_xor_si512(sum, _mm512_load_si512(lines + line * kLine));
        }
      }
    }
  }
  std::uint64_t words[8] = {};
  for (const __m512i& part : sums) {
    alignas(64) std::uint64_t lanes[8];
    _mm512_store_si512(lanes, part);
    for (int i = 0; i < 8; ++i) words[i] ^= lanes[i];
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t word : words) sum ^= word;
  return sum;
}

std::uint64_t read_words(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t kSums = 8;
  const auto* const words = reinterpret_cast<const std::uint64_t*>(from);
  std::uint64_t sums[kSums] = {};
  for (std::size_t i = 0; i < bytes / sizeof(std::uint64_t); i += kSums)
    for (std::size_t j = 0; j < kSums; ++j) sums[j] ^= words[i + j];
  std::uint64_t sum = 0;
  for (const std::uint64_t part : sums) sum ^= part;
  return sum;
}

constexpr std::array kPlain = {ReadKernel{"words", &read_words}};
constexpr std::array kAvx2 = {
    ReadKernel{"avx2", &read_avx2<1, 8, Prefetch::none, 0>},
    ReadKernel{"avx2, 2 pages", &read_avx2<2, 4, Prefetch::none, 0>},
    ReadKernel{"avx2, 4 pages", &read_avx2<4, 2, Prefetch::none, 0>},
    ReadKernel{"avx2, prefetch 1 KiB", &read_avx2<1, 8, Prefetch::near, 1024>},
    ReadKernel{"avx2, prefetch 4 KiB", &read_avx2<1, 8, Prefetch::near, 4096>},
    ReadKernel{"avx2, 2 pages, prefetch 8 KiB", &read_avx2<2, 4, Prefetch::near, 8192>},
    ReadKernel{"avx2, streaming prefetch 1 KiB", &read_avx2<1, 8, Prefetch::streaming, 1024>},
    ReadKernel{"avx2, streaming prefetch 4 KiB", &read_avx2<1, 8, Prefetch::streaming, 4096>},
};
constexpr std::array kAvx512 = {
    ReadKernel{"avx512", &read_avx512<1, 8, Prefetch::none, 0>},
    ReadKernel{"avx512, 2 pages", &read_avx512<2, 4, Prefetch::none, 0>},
    ReadKernel{"avx512, 4 pages", &read_avx512<4, 2, Prefetch::none, 0>},
    ReadKernel{"avx512, 8 pages", &read_avx512<8, 1, Prefetch::none, 0>},
    ReadKernel{"avx512, prefetch 1 KiB", &read_avx512<1, 8, Prefetch::near, 1024>},
    ReadKernel{"avx512, prefetch 4 KiB", &read_avx512<1, 8, Prefetch::near, 4096>},
    ReadKernel{"avx512, 2 pages, prefetch 8 KiB", &read_avx512<2, 4, Prefetch::near, 8192>},
    ReadKernel{"avx512, 4 pages, prefetch 16 KiB", &read_avx512<4, 2, Prefetch::near, 16384>},
    ReadKernel{"avx512, streaming prefetch 1 KiB", &read_avx512<1, 8, Prefetch::streaming, 1024>},
    ReadKernel{"avx512, streaming prefetch 4 KiB", &read_avx512<1, 8, Prefetch::streaming, 4096>},
};

std::vector<ReadKernel> kernels_here() {
  std::vector<ReadKernel> kernels;
  const auto add = [&kernels](std::span<const ReadKernel> more) {
    kernels.insert(kernels.end(), more.begin(), more.end());
  };
  if (__builtin_cpu_supports("avx512f")) add(kAvx512);
  if (__builtin_cpu_supports("avx2")) add(kAvx2);
  if (kernels.empty()) add(kPlain);
  return kernels;
}

}  // namespace

std::span<const ReadKernel> read_kernels() {
  static const std::vector<ReadKernel> kernels = kernels_here();
  return kernels;
}

}  // namespace synfire::cli
