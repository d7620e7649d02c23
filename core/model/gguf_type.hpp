#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace synfire {

// The types of GGUF metadata values, with the format's numbers.
enum class GgufType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

struct GgufTypeInfo {
  std::string_view name;    // as the format's specification writes it
  std::size_t bytes;        // of one value; 0 when the length varies
  std::size_t least_bytes;  // what one value takes at least
};

inline constexpr std::array<GgufTypeInfo, 13> kGgufTypes{{
    {"UINT8", 1, 1},
    {"INT8", 1, 1},
    {"UINT16", 2, 2},
    {"INT16", 2, 2},
    {"UINT32", 4, 4},
    {"INT32", 4, 4},
    {"FLOAT32", 4, 4},
    {"BOOL", 1, 1},
    {"STRING", 0, 8},  // u64 length, bytes
    {"ARRAY", 0, 12},  // u32 element type, u64 count, elements
    {"UINT64", 8, 8},
    {"INT64", 8, 8},
    {"FLOAT64", 8, 8},
}};

// For a type that came from code or from a parsed file.
constexpr const GgufTypeInfo& gguf_type_info(GgufType type) {
  return kGgufTypes[static_cast<std::size_t>(type)];
}

}  // namespace synfire
