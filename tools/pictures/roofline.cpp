#include <algorithm>

#include "tools/format.hpp"
#include "tools/pictures/chart.hpp"
#include "tools/pictures/placement_picture.hpp"

namespace synfire::cli {
namespace {

std::size_t index_of(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

}  // namespace

std::string roofline(const std::vector<std::vector<LayerLoad>>& layers, const std::string& how) {
  double most_bytes = 0, most_seconds = 0;
  std::vector<std::string> names;
  for (const auto& layer : layers)
    for (const LayerLoad& load : layer) {
      most_bytes = std::max(most_bytes, load.bytes);
      most_seconds = std::max(most_seconds, load.seconds);
      index_of(names, load.device);
    }
  const bool timed = most_seconds > 0;
  Chart chart(timed ? fmt::format("FFN bytes of a token over each device's bandwidth ({})", how)
                    : fmt::format("FFN bytes that a token reads ({})", how),
              Axis::steps("layer", layers.size()),
              timed ? Axis::from_zero("expected time per token, us", most_seconds * 1e6)
                    : Axis::from_zero("expected bytes per token, MB", most_bytes / 1e6));
  chart.draw_axes(Chart::Grid::none);
  const double width = 0.8 / static_cast<double>(std::max<std::size_t>(names.size(), 1));
  std::vector<double> bytes(names.size()), seconds(names.size());
  for (std::size_t i = 0; i < layers.size(); ++i)
    for (const LayerLoad& load : layers[i]) {
      const std::size_t d = index_of(names, load.device);
      const double left = static_cast<double>(i) + 0.1 + width * static_cast<double>(d);
      chart.box(left, 0, left + width * 0.92, timed ? load.seconds * 1e6 : load.bytes / 1e6,
                thing_colour(d));
      bytes[d] += load.bytes;
      seconds[d] += load.seconds;
    }
  for (std::size_t d = 0; d < names.size(); ++d) {
    chart.legend_box(thing_colour(d), names[d]);
    chart.legend_text(fmt::format("  {} per token", human_bytes(bytes[d])));
    if (seconds[d] > 0)
      chart.legend_text(fmt::format("  at {}/s", human_bytes(bytes[d] / seconds[d])));
  }
  return chart.finish();
}

}  // namespace synfire::cli
