#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backends/cpu/cpu_features.hpp"

namespace synfire::cpu {

// How wide the kernels compute. Results are bit-equal within one level, on any machine that has it.
enum class SimdLevel {
  avx2,
  avx512,
  amx,  // avx512, with tiles where many tokens go by
};

std::string_view level_name(SimdLevel level);
std::optional<SimdLevel> parse_level(std::string_view name);
bool has_level(const CpuFeatures& features, SimdLevel level);

// The level to use: `wanted` (an option's value, or the environment's; empty = the best one).
// Throws sdk::Error for a level that does not exist (INVALID_ARGUMENT) or that the processor lacks
// (FAILED_PRECONDITION); `source` says where `wanted` came from.
SimdLevel choose_level(const CpuFeatures& features, std::string_view wanted,
                       std::string_view source);

}  // namespace synfire::cpu
