#include "core/sparsity/activity_summary.hpp"
#include "tools/pictures/activity_pictures.hpp"
#include "tools/pictures/chart.hpp"
#include "tools/pictures/layer_legend.hpp"

namespace synfire::cli {
namespace {

constexpr int kPoints = 60;

}  // namespace

std::string coverage_curves(const std::vector<ActivityStats>& layers) {
  Chart chart("What the hottest neurons contribute", Axis::percent("hottest neurons of the layer"),
              Axis::percent("of all activations"));
  chart.draw_axes(Chart::Grid::lines);
  chart.curve({{0, 0}, {1, 1}}, "#999", 1.2, "4 3");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::vector<std::uint64_t> counts = hottest_first(layers[i]);
    std::vector<std::pair<double, double>> points;
    for (int p = 0; p <= kPoints; ++p) {
      // Closer together at the left, where the curves bend.
      const double share = static_cast<double>(p) * p / (kPoints * kPoints);
      points.emplace_back(share, hot_coverage(counts, share));
    }
    chart.curve(points, order_colour(i, layers.size()));
  }
  layer_legend(chart, layers.size());
  chart.legend_line("#999", "all alike", "4 3");
  return chart.finish();
}

}  // namespace synfire::cli
