#pragma once

#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/kernels/kv_tile.hpp"

namespace synfire::cpu {

// What these kernels keep a KV cache of a dtype as.
inline KvFormat kv_format_of(const KernelTable& kernels, DType dtype) {
  switch (dtype) {
    case DType::f32: return KvFormat::f32;
    case DType::f16: return kernels.attend_wide != nullptr ? KvFormat::wide : KvFormat::f16;
    default: return KvFormat::q8_0;
  }
}

}  // namespace synfire::cpu
