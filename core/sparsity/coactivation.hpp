#pragma once

#include <cstdint>

#include "core/sparsity/trace_sample.hpp"

namespace synfire {

// Who fires with whom, from traces.
struct Coactivation {
  static constexpr std::uint32_t kNeurons = 64;   // at most, whose partners are sought
  static constexpr std::uint32_t kPartners = 16;  // of each

  // How much more often neurons and their strongest partners fire for the same tokens than if they
  // knew nothing of each other: 1 is not at all. Partners are chosen in every other run and
  // measured in the rest, else the luckiest of many would seem to be friends. 0 where no partners
  // are found.
  double lift = 0;
};

[[nodiscard]] Coactivation find_coactivation(const TraceSample& traces);

}  // namespace synfire
