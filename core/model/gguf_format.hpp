#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

// Constants of the GGUF format that reader and writer share.
namespace synfire::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian");

inline constexpr std::string_view kMagic = "GGUF";
inline constexpr std::string_view kPowerInferMagic = "PWRI";
inline constexpr std::uint32_t kOldestVersion = 2;
inline constexpr std::uint32_t kNewestVersion = 3;

inline constexpr std::string_view kAlignmentKey = "general.alignment";
inline constexpr std::uint64_t kDefaultAlignment = 32;
inline constexpr std::uint64_t kLeastAlignment = 8;
inline constexpr std::uint64_t kMostAlignment = std::uint64_t{1} << 30;

inline constexpr std::size_t kMaxNameBytes = 65535;  // of keys and tensor names
inline constexpr std::size_t kMaxArrayDepth = 4;     // arrays of arrays of ...

constexpr bool is_alignment(std::uint64_t value) {
  return std::has_single_bit(value) && value >= kLeastAlignment && value <= kMostAlignment;
}
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace synfire::gguf
