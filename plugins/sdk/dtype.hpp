#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// The one table of element types. Numbers and block layouts are GGUF's (ggml's `ggml_type`), so a
// file's bytes are used as they are.
namespace synfire {

enum class DType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q8_0 = 8,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  i8 = 24,
  i16 = 25,
  i32 = 26,
  i64 = 27,
  f64 = 28,
  bf16 = 30,
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;      // as users write it: "Q8_0"
  std::uint32_t block_size;   // elements per block
  std::uint32_t block_bytes;  // bytes per block
  bool is_weight;             // may be the weight of a linear op
};

inline constexpr std::array<DTypeInfo, 14> kDTypes{{
    {DType::f32, "F32", 1, 4, true},
    {DType::f16, "F16", 1, 2, true},
    {DType::bf16, "BF16", 1, 2, true},
    {DType::q8_0, "Q8_0", 32, 34, true},    // f16 scale, 32 x i8
    {DType::q4_0, "Q4_0", 32, 18, true},    // f16 scale, 32 x u4 (minus 8)
    {DType::q4_1, "Q4_1", 32, 20, true},    // f16 scale, f16 minimum, 32 x u4
    {DType::q4_k, "Q4_K", 256, 144, true},  // f16 d, f16 dmin, 12 B scales, 128 B nibbles
    {DType::q5_k, "Q5_K", 256, 176, true},  // the same with 32 B of 5th bits
    {DType::q6_k, "Q6_K", 256, 210,
     true},  // 128 B low nibbles, 64 B high pairs, 16 x i8, f16 scale
    {DType::i8, "I8", 1, 1, false},
    {DType::i16, "I16", 1, 2, false},
    {DType::i32, "I32", 1, 4, false},
    {DType::i64, "I64", 1, 8, false},
    {DType::f64, "F64", 1, 8, false},
}};

// May be the dtype of a KV cache.
constexpr bool is_kv_dtype(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::q8_0;
}

// Null for a number or a name that the table lacks.
constexpr const DTypeInfo* find_dtype(std::uint32_t number) {
  for (const DTypeInfo& info : kDTypes)
    if (static_cast<std::uint32_t>(info.dtype) == number) return &info;
  return nullptr;
}
constexpr const DTypeInfo* find_dtype(std::string_view name) {
  for (const DTypeInfo& info : kDTypes)
    if (info.name == name) return &info;
  return nullptr;
}

// For a DType that came through find_dtype or from code.
constexpr const DTypeInfo& dtype_info(DType dtype) {
  return *find_dtype(static_cast<std::uint32_t>(dtype));
}

// Whether a device may be given tensors of it: weights, and bytes, whose meaning is an op's.
constexpr bool is_device_dtype(const DTypeInfo& info) {
  return info.is_weight || info.dtype == DType::i8;
}

// Bytes of `elements` contiguous elements; `elements` is a multiple of the block size.
constexpr std::size_t row_bytes(DType dtype, std::size_t elements) {
  const DTypeInfo& info = dtype_info(dtype);
  return elements / info.block_size * info.block_bytes;
}

}  // namespace synfire
