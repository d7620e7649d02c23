#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/sparsity/activity_summary.hpp"
#include "tools/pictures/activity_pictures.hpp"
#include "tools/pictures/chart.hpp"

namespace synfire::cli {
namespace {

constexpr std::size_t kMostColumns = 130;
constexpr double kRarest = 1e-4;  // of the tokens; what fires less often looks the same
constexpr std::size_t kColours = 16;

// 0 for kRarest and less, kColours - 1 for always.
std::size_t colour_of(double share) {
  const double at = 1 - std::log(std::max(share, kRarest)) / std::log(kRarest);
  return std::min(static_cast<std::size_t>(at * kColours), kColours - 1);
}

// The mean share of tokens for which the neurons of each column fire.
std::vector<double> columns_of(const ActivityStats& stats, std::size_t n_columns,
                               std::uint64_t n_tokens) {
  const std::vector<std::uint64_t> counts = hottest_first(stats);
  std::vector<double> columns;
  for (std::size_t c = 0; c < n_columns; ++c) {
    const auto at = [&](std::size_t column) {
      return counts.begin() + static_cast<std::ptrdiff_t>(column * counts.size() / n_columns);
    };
    const auto sum = std::accumulate(at(c), at(c + 1), std::uint64_t{0});
    columns.push_back(static_cast<double>(sum) / static_cast<double>(at(c + 1) - at(c)) /
                      static_cast<double>(std::max<std::uint64_t>(n_tokens, 1)));
  }
  return columns;
}

void draw_scale(Chart& chart) {
  chart.legend_text("fires for this share");
  chart.legend_text("of the tokens:");
  for (const double share : {1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 1e-4})
    chart.legend_box(heat_colour(static_cast<double>(colour_of(share)) / (kColours - 1)),
                     share <= kRarest ? "0.01 % or less" : fmt::format("{:.3g} %", 100 * share));
}

}  // namespace

// One path of all cells of a colour: a picture of many layers stays small.
std::string activity_map(const std::vector<ActivityStats>& layers, std::uint64_t n_tokens) {
  const std::size_t d_ff = layers.front().counts.size();
  const std::size_t n_columns = std::min(kMostColumns, d_ff);
  Chart chart("How often neurons fire, the hottest of each layer first",
              Axis::percent(fmt::format("neurons by rank, of {}", d_ff)),
              Axis::steps("layer", layers.size()));
  std::array<std::string, kColours> paths;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const std::vector<double> columns = columns_of(layers[layer], n_columns, n_tokens);
    const double top = chart.y(static_cast<double>(layer) + 1);
    const double height = chart.y(static_cast<double>(layer)) - top;
    for (std::size_t c = 0; c < n_columns;) {
      std::size_t end = c + 1;  // neighbours of the same colour are one cell
      const std::size_t colour = colour_of(columns[c]);
      while (end < n_columns && colour_of(columns[end]) == colour) ++end;
      const double left = chart.x(static_cast<double>(c) / static_cast<double>(n_columns));
      const double right = chart.x(static_cast<double>(end) / static_cast<double>(n_columns));
      paths[colour] += fmt::format("M{} {}H{}v{}H{}z", short_number(left), short_number(top),
                                   short_number(right), short_number(height), short_number(left));
      c = end;
    }
  }
  for (std::size_t i = 0; i < kColours; ++i)
    if (!paths[i].empty())
      chart.svg().filled_path(paths[i], heat_colour(static_cast<double>(i) / (kColours - 1)));
  chart.draw_axes(Chart::Grid::none);
  draw_scale(chart);
  return chart.finish();
}

}  // namespace synfire::cli
