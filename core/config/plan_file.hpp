#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace synfire {

// A placement as a file says it (`--plan`): which device holds which neuron groups of which layer.
// Whether it fits a model and the configured devices is for whoever applies it to say.
//
//   version: 1
//   group_size: 32                  # neurons per group
//   expected:                       # by whoever made the plan; may be left out
//     tokens_per_second: 41.5
//     depth: 128                    # tokens in the KV cache
//   layers:
//     - cpu:0: [0-11, 40]           # layer 0: a device and its groups
//       reference:0: 12-39
struct PlanFile {
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  // included

    friend bool operator==(const Range&, const Range&) = default;
  };
  struct Device {
    std::string device;         // "cpu:0[cores=0]", in canonical text
    std::vector<Range> groups;  // rising; no group twice in a layer
  };
  struct Layer {
    std::vector<Device> devices;  // every group from 0 to the layer's last is on one of them
  };

  struct Expected {
    double tokens_per_second = 0;
    std::uint32_t depth = 0;
  };

  std::uint32_t version = 1;
  std::uint32_t group_size = 0;  // 1..4096
  std::optional<Expected> expected = {};
  std::vector<Layer> layers;
};

inline constexpr std::size_t kMaxPlanFileBytes = std::size_t{4} << 20;

// Errors name file:line:column.
[[nodiscard]] Result<PlanFile> read_plan_file(const std::filesystem::path& path);
[[nodiscard]] Result<PlanFile> parse_plan_file(std::string_view text, std::string_view file_name);

// The text of such a file; parse_plan_file() of it gives the plan again. `comment`: lines that say
// where it comes from.
[[nodiscard]] std::string format_plan_file(const PlanFile& plan, std::string_view comment);
// Numbers in rising order as the ranges of a plan.
[[nodiscard]] std::vector<PlanFile::Range> plan_ranges(const std::vector<std::uint32_t>& numbers);

}  // namespace synfire
