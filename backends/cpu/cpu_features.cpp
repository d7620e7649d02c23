#include "backends/cpu/cpu_features.hpp"

#include <cpuid.h>

#include <array>
#include <cstring>

#include "backends/cpu/tile_permission.hpp"

namespace synfire::cpu {
namespace {

constexpr bool bit(std::uint32_t word, unsigned position) { return (word >> position & 1u) != 0; }

std::string brand_of(const CpuidReader& cpuid) {
  if (cpuid(0x80000000u, 0).eax < 0x80000004u) return "x86-64 processor";
  std::array<char, 49> text{};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const CpuidWords words = cpuid(0x80000002u + i, 0);
    std::memcpy(text.data() + std::size_t{i} * 16, &words, sizeof words);
  }
  std::string brand = text.data();
  const std::size_t first = brand.find_first_not_of(' ');
  const std::size_t last = brand.find_last_not_of(' ');
  return first == std::string::npos ? "x86-64 processor" : brand.substr(first, last - first + 1);
}

CpuidWords read_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  CpuidWords words;
  __cpuid_count(leaf, subleaf, words.eax, words.ebx, words.ecx, words.edx);
  return words;
}

std::uint64_t read_xcr0() {
  if (!bit(read_cpuid(1, 0).ecx, 27)) return 0;  // OSXSAVE: XGETBV exists
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

// Whether tiles are of 16 rows of 64 bytes, 8 of them: palette 1, all that kernels know.
bool has_palette(const CpuidReader& cpuid) {
  if (cpuid(0, 0).eax < 0x1d || cpuid(0x1d, 0).eax < 1) return false;
  const CpuidWords one = cpuid(0x1d, 1);
  return one.eax >> 16 == 1024 && one.ebx == (8u << 16 | 64u) && (one.ecx & 0xffff) == 16;
}

CpuFeatures find_machine_features() {
  CpuFeatures features = parse_features(read_cpuid, read_xcr0());
  if (features.amx) features.tiles_refused = request_tiles();
  features.amx &= features.tiles_refused.empty();
  return features;
}

}  // namespace

CpuFeatures parse_features(const CpuidReader& cpuid, std::uint64_t xcr0) {
  constexpr std::uint64_t kYmm = 0x6;        // SSE and AVX state
  constexpr std::uint64_t kZmm = 0xe6;       // and opmask, upper ZMM halves, upper ZMM registers
  constexpr std::uint64_t kTiles = 0x60000;  // tile configuration and data
  CpuFeatures found;
  found.brand = brand_of(cpuid);
  if (cpuid(0, 0).eax < 7) return found;
  const CpuidWords one = cpuid(1, 0);
  const CpuidWords seven = cpuid(7, 0);
  const CpuidWords more = seven.eax >= 1 ? cpuid(7, 1) : CpuidWords{};
  const bool ymm = (xcr0 & kYmm) == kYmm;
  const bool zmm = (xcr0 & kZmm) == kZmm;
  const bool fma_f16c = bit(one.ecx, 12) && bit(one.ecx, 29);
  const bool aes_pclmul = bit(one.ecx, 25) && bit(one.ecx, 1);
  const bool bmi = bit(seven.ebx, 3) && bit(seven.ebx, 8);
  found.avx2 = ymm && fma_f16c && aes_pclmul && bmi && bit(seven.ebx, 5);
  found.avx_vnni = found.avx2 && bit(more.eax, 4);
  const bool foundation = bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 28) &&
                          bit(seven.ebx, 30) && bit(seven.ebx, 31);  // F, DQ, CD, BW, VL
  found.avx512 = found.avx2 && zmm && foundation && bit(seven.ecx, 11);
  found.avx512_bf16 = found.avx512 && bit(more.eax, 5);
  found.amx = found.avx512 && (xcr0 & kTiles) == kTiles && bit(seven.edx, 24) &&
              bit(seven.edx, 25) && bit(seven.edx, 22) &&  // tile, int8, bf16
              has_palette(cpuid);
  return found;
}

const CpuFeatures& machine_features() {
  static const CpuFeatures features = find_machine_features();
  return features;
}

}  // namespace synfire::cpu
