#include <algorithm>
#include <map>

#include "tools/pictures/chart.hpp"
#include "tools/pictures/placement_picture.hpp"

namespace synfire::cli {
namespace {

// One past the last group of all.
std::uint32_t n_groups(const PlanFile& plan) {
  std::uint32_t n = 1;
  for (const PlanFile::Layer& layer : plan.layers)
    for (const PlanFile::Device& device : layer.devices)
      for (const PlanFile::Range& range : device.groups) n = std::max(n, range.last + 1);
  return n;
}

struct DevicePart {
  std::string path;
  std::uint64_t neurons = 0;
};

}  // namespace

std::string placement_map(const PlanFile& plan, std::uint32_t d_ff) {
  const std::uint32_t groups = n_groups(plan);
  const std::uint32_t neurons = d_ff != 0 ? d_ff : groups * plan.group_size;
  Chart chart("Which device holds which neurons",
              Axis::from_zero("neuron, as the file numbers them", neurons),
              Axis::steps("layer", plan.layers.size()));
  std::vector<std::string> names;
  std::map<std::string, DevicePart> parts;
  std::uint64_t all = 0;
  for (std::size_t layer = 0; layer < plan.layers.size(); ++layer) {
    const double top = chart.y(static_cast<double>(layer) + 0.95);
    const double height = chart.y(static_cast<double>(layer) + 0.05) - top;
    for (const PlanFile::Device& device : plan.layers[layer].devices) {
      if (!parts.contains(device.device)) names.push_back(device.device);
      DevicePart& part = parts[device.device];
      for (const PlanFile::Range& range : device.groups) {
        const std::uint32_t first = range.first * plan.group_size;
        const std::uint32_t end = std::min((range.last + 1) * plan.group_size, neurons);
        part.path += fmt::format("M{} {}H{}v{}H{}z", short_number(chart.x(first)),
                                 short_number(top), short_number(chart.x(end)),
                                 short_number(height), short_number(chart.x(first)));
        part.neurons += end - first;
        all += end - first;
      }
    }
  }
  chart.draw_axes(Chart::Grid::none);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const DevicePart& part = parts[names[i]];
    chart.svg().filled_path(part.path, thing_colour(i));
    chart.legend_box(thing_colour(i),
                     fmt::format("{}: {:.0f} %", names[i],
                                 100.0 * static_cast<double>(part.neurons) /
                                     static_cast<double>(std::max<std::uint64_t>(all, 1))));
  }
  return chart.finish();
}

}  // namespace synfire::cli
