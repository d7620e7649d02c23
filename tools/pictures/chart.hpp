#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/pictures/svg.hpp"

namespace synfire::cli {

// One of a chart's axes: what it shows, with its unit, and the numbers that it names.
struct Axis {
  std::string label;
  double min = 0, max = 1;
  std::vector<std::pair<double, std::string>> ticks;
  bool log = false;  // min over 0

  // Round numbers from 0 to at least `max`.
  static Axis from_zero(std::string label, double max);
  // 0 % to 100 %, of numbers from 0 to 1; or to the first of 20 %, 40 % and so on that is over
  // `max`.
  static Axis percent(std::string label, double max = 1);
  // Shares over 0 in percent on a log scale, from at most `min` to at least `max`: 0.1, 0.2,
  // 0.5, 1.
  static Axis log_percent(std::string label, double min, double max);
  // Numbers 0 to n - 1, each in the middle of a step of width 1.
  static Axis steps(std::string label, std::size_t n);
};

// A picture of one plot with a title, two axes and a legend at the right.
class Chart {
 public:
  static constexpr double kWidth = 760, kHeight = 400;
  static constexpr double kLeft = 70, kRight = 590, kTop = 46, kBottom = 344;

  Chart(std::string_view title, Axis x, Axis y);

  // Where a value is, in pixels.
  [[nodiscard]] double x(double value) const;
  [[nodiscard]] double y(double value) const;
  [[nodiscard]] Svg& svg() { return svg_; }

  void curve(const std::vector<std::pair<double, double>>& points, std::string_view stroke,
             double width = 1.8, std::string_view dashes = {});
  // A filled box between values.
  void box(double x1, double y1, double x2, double y2, std::string_view fill);

  // The next line of the legend: a box, a line, a shape (a path around 0, 0), or a word alone.
  void legend_box(std::string_view fill, std::string_view text);
  void legend_line(std::string_view stroke, std::string_view text, std::string_view dashes = {});
  void legend_mark(std::string_view shape, std::string_view fill, std::string_view text);
  void legend_text(std::string_view text);

  // With lines at the ticks, under or over what was drawn.
  enum class Grid { none, lines };
  void draw_axes(Grid grid);
  [[nodiscard]] std::string finish() const { return svg_.finish(); }

 private:
  Axis x_, y_;
  Svg svg_;
  double legend_y_ = kTop + 6;
};

// The colour of one of several things that have no order; they repeat after eight.
[[nodiscard]] std::string_view thing_colour(std::size_t i);
// A colour between the light and the dark end of a scale, for a share of 0 to 1.
[[nodiscard]] std::string heat_colour(double share);
// The colour of one of n things in an order, readable as a line.
[[nodiscard]] std::string order_colour(std::size_t i, std::size_t n);

}  // namespace synfire::cli
