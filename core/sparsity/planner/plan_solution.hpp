#pragma once

#include <cstdint>
#include <vector>

namespace synfire {

// By group, the index of its device.
using GroupDevices = std::vector<std::uint8_t>;

// An answer to a PlanProblem.
struct PlanSolution {
  std::vector<GroupDevices> layers;
  double seconds = 0;  // per token, expected: what is on the home device included
  double bound = 0;    // no plan takes less

  [[nodiscard]] double gap() const { return seconds > 0 ? (seconds - bound) / seconds : 0; }
};

}  // namespace synfire
