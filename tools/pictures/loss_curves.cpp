#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "tools/pictures/chart.hpp"
#include "tools/pictures/loss_picture.hpp"

namespace synfire::cli {
namespace {

constexpr double kRadius = 4.2;

// Losses from a round number under the least to one over the most; at least a decade.
Axis loss_axis(const std::vector<LossSeries>& series) {
  double least = INFINITY, most = 0;
  for (const LossSeries& one : series)
    for (const LossPoint& point : one.points) {
      if (point.loss > 0) least = std::min(least, point.loss);
      most = std::max(most, point.loss + point.loss_error);
    }
  if (most <= 0) most = 1e-3;
  return Axis::log_percent("perplexity lost against exact, %", std::min(least, most / 10), most);
}

Axis bytes_axis(const std::vector<LossSeries>& series) {
  constexpr double kStep = 0.1;
  double least = INFINITY, most = 0;
  for (const LossSeries& one : series)
    for (const LossPoint& point : one.points) {
      least = std::min(least, point.of_exact);
      most = std::max(most, point.of_exact);
    }
  const double first = std::floor(least / kStep - 0.2), last = std::ceil(most / kStep + 0.2);
  Axis axis{"bytes of FFN and predictor, of exact's", first * kStep, last * kStep, {}};
  const double every = std::ceil((last - first) / 10);
  for (double i = first; i <= last; i += every)
    axis.ticks.emplace_back(i * kStep, fmt::format("{:.0f} %", 100 * i * kStep));
  return axis;
}

// Shapes that are told apart without colours.
std::string marker(std::size_t i, double x, double y) {
  constexpr double r = kRadius;
  const auto corners = [&](std::initializer_list<std::pair<double, double>> points) {
    std::string path;
    for (const auto& [dx, dy] : points)
      path += fmt::format("{}{} {}", path.empty() ? 'M' : 'L', short_number(x + dx * r),
                          short_number(y + dy * r));
    return path + "Z";
  };
  switch (i % 4) {
    case 0: {
      const std::string radius = short_number(r), across = short_number(2 * r);
      return fmt::format("M{0} {1}a{2} {2} 0 1 0 {3} 0a{2} {2} 0 1 0 -{3} 0Z", short_number(x - r),
                         short_number(y), radius, across);
    }
    case 1: return corners({{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}});
    case 2: return corners({{0, -1.2}, {1.15, 0.9}, {-1.15, 0.9}});
    default: return corners({{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}});
  }
}

void error_bar(Chart& chart, const LossPoint& point, double foot, std::string_view stroke) {
  constexpr double kHalf = 3.5;  // of the bar's ends, in pixels
  if (!(point.loss_error > 0)) return;
  const double x = chart.x(point.of_exact);
  const double high = std::max(point.loss + point.loss_error, foot);
  const double low = std::max(point.loss - point.loss_error, foot);
  chart.svg().line(x, chart.y(low), x, chart.y(high), stroke, 1.2);
  for (const double end : {low, high})
    if (end > foot) chart.svg().line(x - kHalf, chart.y(end), x + kHalf, chart.y(end), stroke, 1.2);
}

}  // namespace

std::string loss_curves(const std::vector<LossSeries>& series) {
  const Axis losses = loss_axis(series);
  const double foot = losses.min;
  Chart chart("What finding neurons costs", bytes_axis(series), losses);
  chart.draw_axes(Chart::Grid::lines);
  for (std::size_t s = 0; s < series.size(); ++s) {
    std::vector<LossPoint> points = series[s].points;
    std::sort(points.begin(), points.end(),
              [](const LossPoint& a, const LossPoint& b) { return a.of_exact < b.of_exact; });
    std::vector<std::pair<double, double>> line;
    for (const LossPoint& point : points)
      line.emplace_back(point.of_exact, std::max(point.loss, foot));
    if (line.size() > 1) chart.curve(line, thing_colour(s));
    for (std::size_t i = 0; i < points.size(); ++i) {
      error_bar(chart, points[i], foot, thing_colour(s));
      chart.svg().filled_path(marker(s, chart.x(line[i].first), chart.y(line[i].second)),
                              thing_colour(s));
    }
    chart.legend_mark(marker(s, 0, 0), thing_colour(s), series[s].name);
  }
  chart.legend_text("bars: standard error");
  return chart.finish();
}

}  // namespace synfire::cli
