#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backends/cpu/cpu_features.hpp"
#include "backends/cpu/kernels/kernel_table.hpp"

namespace synfire::cpu {

// The kernels of every SIMD level that this machine has.
inline std::vector<const KernelTable*> machine_levels() {
  std::vector<const KernelTable*> levels;
  if (machine_features().avx2) levels.push_back(&avx2_kernels());
  if (machine_features().avx_vnni) levels.push_back(&avx2_vnni_kernels());
  if (machine_features().avx512) levels.push_back(&avx512_kernels());
  if (machine_features().amx) levels.push_back(&amx_kernels());
  return levels;
}

inline std::string level_test_name(const testing::TestParamInfo<const KernelTable*>& info) {
  return info.param->name;
}

}  // namespace synfire::cpu
