#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace synfire::cpu {

struct CpuidWords {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// CPUID as a function of leaf and subleaf, so that tests can play other processors.
using CpuidReader = std::function<CpuidWords(std::uint32_t leaf, std::uint32_t subleaf)>;

// What this project uses of a processor. A feature counts only where the operating system keeps its
// registers too.
struct CpuFeatures {
  std::string brand;      // "AMD EPYC 9965 192-Core Processor"
  bool avx2 = false;      // AVX2, FMA, F16C, BMI1, BMI2, AES and PCLMUL (all since Haswell)
  bool avx_vnni = false;  // 256-bit integer dot products without AVX-512
  bool avx512 = false;    // F, BW, CD, DQ, VL and VNNI
  bool avx512_bf16 = false;
  bool amx = false;           // tiles with int8 and bf16
  std::string tiles_refused;  // why the operating system does not let this process use its tiles
};

// `xcr0` is the extended control register 0: which registers the operating system saves.
CpuFeatures parse_features(const CpuidReader& cpuid, std::uint64_t xcr0);

// Of the machine that runs this. Thread-safe. The first call asks the operating system for the use
// of tiles, where there are some: for this process and all of its threads.
const CpuFeatures& machine_features();

}  // namespace synfire::cpu
