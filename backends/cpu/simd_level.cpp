#include "backends/cpu/simd_level.hpp"

#include "plugins/sdk/error.hpp"

namespace synfire::cpu {

std::string_view level_name(SimdLevel level) {
  switch (level) {
    case SimdLevel::avx2: return "avx2";
    case SimdLevel::avx512: return "avx512";
    case SimdLevel::amx: return "amx";
  }
  return "unknown";
}

std::optional<SimdLevel> parse_level(std::string_view name) {
  for (const SimdLevel level : {SimdLevel::avx2, SimdLevel::avx512, SimdLevel::amx})
    if (level_name(level) == name) return level;
  return std::nullopt;
}

bool has_level(const CpuFeatures& features, SimdLevel level) {
  switch (level) {
    case SimdLevel::avx2: return features.avx2;
    case SimdLevel::avx512: return features.avx512;
    case SimdLevel::amx: return features.amx;
  }
  return false;
}

SimdLevel choose_level(const CpuFeatures& features, std::string_view wanted,
                       std::string_view source) {
  if (!features.avx2)
    throw sdk::Error(sdk::kFailedPrecondition,
                     "cpu: " + features.brand + " lacks AVX2 with FMA and F16C");
  if (wanted.empty())
    return features.amx ? SimdLevel::amx : features.avx512 ? SimdLevel::avx512 : SimdLevel::avx2;
  const std::optional<SimdLevel> level = parse_level(wanted);
  if (!level)
    throw sdk::Error(sdk::kInvalidArgument, "cpu: " + std::string(source) + "=" +
                                                std::string(wanted) + ", want avx2, avx512 or amx");
  if (!has_level(features, *level)) {
    const bool refused = *level == SimdLevel::amx && !features.tiles_refused.empty();
    throw sdk::Error(sdk::kFailedPrecondition,
                     "cpu: " + std::string(source) + "=" + std::string(wanted) + ", but " +
                         (refused ? "the system refuses tiles: " + features.tiles_refused
                                  : features.brand + " lacks it"));
  }
  return *level;
}

}  // namespace synfire::cpu
