#include <algorithm>
#include <numeric>

#include "tools/pictures/chart.hpp"
#include "tools/pictures/placement_picture.hpp"

namespace synfire::cli {
namespace {

constexpr std::size_t kMostColumns = 128;

// Which device each neuron of a layer is on, in the order of drawing.
std::vector<std::size_t> devices_in_order(const PlanFile& plan, const PlanFile::Layer& layer,
                                          const std::vector<std::uint32_t>& order,
                                          std::vector<std::string>& names) {
  std::vector<std::size_t> of_neuron(order.size());
  for (const PlanFile::Device& device : layer.devices) {
    const auto found = std::find(names.begin(), names.end(), device.device);
    const auto index = static_cast<std::size_t>(found - names.begin());
    if (found == names.end()) names.push_back(device.device);
    for (const PlanFile::Range& range : device.groups) {
      const auto first = static_cast<std::size_t>(range.first) * plan.group_size;
      const std::size_t end = (static_cast<std::size_t>(range.last) + 1) * plan.group_size;
      for (std::size_t n = first; n < std::min(end, of_neuron.size()); ++n) of_neuron[n] = index;
    }
  }
  std::vector<std::size_t> in_order;
  for (const std::uint32_t neuron : order) in_order.push_back(of_neuron[neuron]);
  return in_order;
}

// What is drawn of a device: a path, and how many neurons that is.
struct DevicePart {
  std::string path;
  std::size_t neurons = 0;
};

// A layer as columns of neurons, each cut by the devices' shares of it.
void add_row(Chart& chart, std::size_t layer, const std::vector<std::size_t>& devices,
             std::vector<DevicePart>& parts) {
  const std::size_t n_columns = std::min(kMostColumns, devices.size());
  const double bottom = chart.y(static_cast<double>(layer) + 0.06);
  const double height = bottom - chart.y(static_cast<double>(layer) + 0.94);
  for (std::size_t c = 0; c < n_columns; ++c) {
    const std::size_t first = c * devices.size() / n_columns;
    const std::size_t end = (c + 1) * devices.size() / n_columns;
    const auto share = [&](std::size_t n) {
      return static_cast<double>(n) / static_cast<double>(devices.size());
    };
    const double left = chart.x(share(first)), right = chart.x(share(end));
    double y = bottom;
    for (std::size_t d = 0; d < parts.size(); ++d) {
      const auto n = static_cast<std::size_t>(
          std::count(devices.begin() + static_cast<std::ptrdiff_t>(first),
                     devices.begin() + static_cast<std::ptrdiff_t>(end), d));
      if (n == 0) continue;
      const double tall = height * static_cast<double>(n) / static_cast<double>(end - first);
      parts[d].path += fmt::format("M{} {:.1f}H{}V{:.1f}H{}z", short_number(left), y,
                                   short_number(right), y - tall, short_number(left));
      parts[d].neurons += n;
      y -= tall;
    }
  }
}

}  // namespace

std::string placement_map(const PlanFile& plan,
                          const std::vector<std::vector<std::uint32_t>>& orders, bool by_rank) {
  Chart chart("Which device holds which neurons",
              Axis::percent(by_rank ? "neurons of the layer, the hottest first"
                                    : "neurons of the layer, as the file numbers them"),
              Axis::steps("layer", plan.layers.size()));
  std::vector<std::string> names;
  std::vector<std::vector<std::size_t>> layers;
  for (std::size_t i = 0; i < plan.layers.size(); ++i)
    layers.push_back(devices_in_order(plan, plan.layers[i], orders[i], names));
  std::vector<DevicePart> parts(names.size());
  for (std::size_t i = 0; i < layers.size(); ++i) add_row(chart, i, layers[i], parts);
  chart.draw_axes(Chart::Grid::none);
  const auto all = static_cast<double>(
      std::accumulate(layers.begin(), layers.end(), std::size_t{0},
                      [](std::size_t sum, const auto& layer) { return sum + layer.size(); }));
  for (std::size_t d = 0; d < names.size(); ++d) {
    chart.svg().filled_path(parts[d].path, thing_colour(d));
    chart.legend_box(
        thing_colour(d),
        fmt::format("{}: {:.0f} %", names[d], 100 * static_cast<double>(parts[d].neurons) / all));
  }
  return chart.finish();
}

}  // namespace synfire::cli
