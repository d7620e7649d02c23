#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace synfire {

// By group, the index of its device.
using GroupDevices = std::vector<std::uint8_t>;

// A group whose neurons are on several devices.
struct CutGroup {
  std::uint32_t group = 0;
  GroupDevices devices;  // by its neurons
};
// Of a layer, by rising group. What GroupDevices says of a cut group is where most of it was.
using LayerCuts = std::vector<CutGroup>;

// `cuts` by layer; none where all groups are whole.
[[nodiscard]] inline LayerCuts cuts_of(const std::vector<LayerCuts>& cuts, std::size_t layer) {
  return cuts.empty() ? LayerCuts() : cuts[layer];
}

// An answer to a PlanProblem.
struct PlanSolution {
  std::vector<GroupDevices> layers;
  std::vector<LayerCuts> cuts;  // as of cuts_of()
  double seconds = 0;           // per token, expected: what is on the home device included
  double bound = 0;             // no plan of whole groups takes less

  [[nodiscard]] LayerCuts cuts_of(std::size_t layer) const { return synfire::cuts_of(cuts, layer); }

  [[nodiscard]] double gap() const { return seconds > 0 ? (seconds - bound) / seconds : 0; }
};

}  // namespace synfire
