#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/base/result.hpp"
#include "core/model/gguf_type.hpp"

// One number of GGUF metadata, read from its (maybe unaligned) bytes. Integers convert between
// widths and signs when the value fits, FLOAT32 and FLOAT64 into each other; nothing else converts.
namespace synfire::gguf {

Result<std::uint64_t> read_unsigned(GgufType type, const std::byte* at, std::uint64_t max);
Result<std::int64_t> read_signed(GgufType type, const std::byte* at, std::int64_t min,
                                 std::int64_t max);
Result<double> read_real(GgufType type, const std::byte* at);
Result<bool> read_bool(GgufType type, const std::byte* at);

template <typename T>
requires std::is_arithmetic_v<T> Result<T> read_scalar(GgufType type, const std::byte* at) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::same_as<T, bool>) {
    return read_bool(type, at);
  } else if constexpr (std::floating_point<T>) {
    SYNFIRE_ASSIGN_OR_RETURN(const double value, read_real(type, at));
    return static_cast<T>(value);
  } else if constexpr (std::unsigned_integral<T>) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::uint64_t value, read_unsigned(type, at, Limits::max()));
    return static_cast<T>(value);
  } else {
    SYNFIRE_ASSIGN_OR_RETURN(const std::int64_t value,
                             read_signed(type, at, Limits::min(), Limits::max()));
    return static_cast<T>(value);
  }
}

// The GGUF type that a C++ number is written as.
template <typename T>
requires std::is_arithmetic_v<T>
constexpr GgufType gguf_type_of() {
  if constexpr (std::same_as<T, bool>) return GgufType::boolean;
  if constexpr (std::same_as<T, float>) return GgufType::f32;
  if constexpr (std::same_as<T, double>) return GgufType::f64;
  constexpr bool is_signed = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 1) return is_signed ? GgufType::i8 : GgufType::u8;
  if constexpr (sizeof(T) == 2) return is_signed ? GgufType::i16 : GgufType::u16;
  if constexpr (sizeof(T) == 4) return is_signed ? GgufType::i32 : GgufType::u32;
  return is_signed ? GgufType::i64 : GgufType::u64;
}

}  // namespace synfire::gguf
