#pragma once

#include <cstdint>

#include "plugins/sdk/dtype.hpp"

namespace synfire {

// The key general.file_type, as llama.cpp numbers it: what most matrices of a file are.
constexpr std::uint32_t file_type_of(DType dtype) {
  switch (dtype) {
    case DType::f16: return 1;
    case DType::q4_0: return 2;
    case DType::q4_1: return 3;
    case DType::q8_0: return 7;
    case DType::q4_k: return 14;  // "Q4_K - Small"
    case DType::q5_k: return 16;  // "Q5_K - Small"
    case DType::q6_k: return 18;
    case DType::bf16: return 32;
    default: return 0;
  }
}

}  // namespace synfire
