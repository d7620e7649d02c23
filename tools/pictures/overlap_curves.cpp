#include <algorithm>
#include <numeric>

#include "tools/pictures/activity_pictures.hpp"
#include "tools/pictures/chart.hpp"
#include "tools/pictures/layer_legend.hpp"

namespace synfire::cli {
namespace {

// What would have fired before too if every neuron fired at its own rate, whatever came before.
double chance_overlap(const ActivityStats& stats, std::uint64_t n_tokens) {
  double squares = 0, sum = 0;
  for (const std::uint64_t count : stats.counts) {
    const double rate = static_cast<double>(count) / static_cast<double>(n_tokens);
    squares += rate * rate;
    sum += rate;
  }
  return sum > 0 ? squares / sum : 0;
}

Axis lag_axis() {
  Axis axis{"distance, tokens",
            ActivityStats::kLags.front() * 1.0,
            ActivityStats::kLags.back() * 1.0,
            {}};
  axis.log = true;
  for (const std::uint32_t lag : ActivityStats::kLags)
    axis.ticks.emplace_back(lag, fmt::format("{}", lag));
  return axis;
}

}  // namespace

std::string overlap_curves(const std::vector<ActivityStats>& layers, std::uint64_t n_tokens) {
  double most = 0;
  for (const ActivityStats& stats : layers)
    for (const ActivityStats::Overlap& overlap : stats.overlaps)
      most = std::max(most, overlap.share());
  Chart chart("How long neurons stay active", lag_axis(),
              Axis::percent("of what fires, fired so long before", most));
  chart.draw_axes(Chart::Grid::lines);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string colour = order_colour(i, layers.size());
    std::vector<std::pair<double, double>> points;
    for (std::size_t lag = 0; lag < ActivityStats::kLags.size(); ++lag)
      if (layers[i].overlaps[lag].fired > 0)  // short texts have no tokens so far apart
        points.emplace_back(ActivityStats::kLags[lag], layers[i].overlaps[lag].share());
    chart.curve(points, colour);
    const double chance = chance_overlap(layers[i], n_tokens);
    chart.curve({{ActivityStats::kLags.front(), chance}, {ActivityStats::kLags.back(), chance}},
                colour, 1, "2 4");
  }
  layer_legend(chart, layers.size());
  chart.legend_line("#555", "dotted: by chance,", "2 4");
  chart.legend_text("at its neurons' rates");
  return chart.finish();
}

}  // namespace synfire::cli
