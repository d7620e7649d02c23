#include "tools/pictures/chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace synfire::cli {
namespace {

constexpr std::string_view kAxisColour = "#555", kGridColour = "#e4e4e4";

struct Rgb {
  double r, g, b;
};

std::string hex(const Rgb& c) {
  const auto part = [](double v) {
    return static_cast<int>(std::lround(std::clamp(v, 0.0, 255.0)));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", part(c.r), part(c.g), part(c.b));
}

// Between neighbours of a row of colours at even distances.
template <std::size_t kSize>
std::string between(const std::array<Rgb, kSize>& colours, double share) {
  const double at = std::clamp(share, 0.0, 1.0) * (kSize - 1);
  const auto i = std::min(static_cast<std::size_t>(at), kSize - 2);
  const double f = at - static_cast<double>(i);
  const Rgb &a = colours[i], &b = colours[i + 1];
  return hex({a.r + f * (b.r - a.r), a.g + f * (b.g - a.g), a.b + f * (b.b - a.b)});
}

// The least of 1, 2, 2.5 and 5 times a power of ten that is at least `least`.
double round_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

double share_of(const Axis& axis, double value) {
  if (axis.log) return std::log(value / axis.min) / std::log(axis.max / axis.min);
  return (value - axis.min) / (axis.max - axis.min);
}

}  // namespace

Axis Axis::from_zero(std::string label, double max) {
  Axis axis{std::move(label), 0, 1, {}};
  const double step = round_step((max > 0 ? max : 1) / 5);
  const auto n = static_cast<int>(std::ceil((max > 0 ? max : 1) / step - 1e-9));
  axis.max = n * step;
  for (int i = 0; i <= n; ++i) {
    std::string text = fmt::format("{:.6g}", i * step);
    axis.ticks.emplace_back(i * step, std::move(text));
  }
  return axis;
}

Axis Axis::percent(std::string label, double max) {
  const int n = std::clamp(static_cast<int>(std::ceil(max * 5)), 1, 5);
  Axis axis{std::move(label), 0, n / 5.0, {}};
  const int parts = n > 2 ? 1 : 2;
  for (int i = 0; i <= n * parts; ++i)
    axis.ticks.emplace_back(i / (5.0 * parts), fmt::format("{} %", 20 * i / parts));
  return axis;
}

Axis Axis::log_percent(std::string label, double min, double max) {
  Axis axis{std::move(label), 0, 0, {}, true};
  constexpr std::array<double, 3> kSteps{1, 2, 5};
  for (int i = 3 * static_cast<int>(std::floor(std::log10(min)));; ++i) {
    const auto step = static_cast<std::size_t>((i % 3 + 3) % 3);
    const double value = kSteps[step] * std::pow(10, std::floor(i / 3.0));
    if (value <= min * (1 + 1e-9)) axis.ticks.clear();  // one at most is under all
    axis.ticks.emplace_back(value, fmt::format("{:.6g}", 100 * value));
    if (value >= max) break;
  }
  axis.min = axis.ticks.front().first;
  axis.max = axis.ticks.back().first;
  return axis;
}

Axis Axis::steps(std::string label, std::size_t n) {
  Axis axis{std::move(label), 0, static_cast<double>(n), {}};
  const std::size_t every = std::max<std::size_t>(1, (n + 15) / 16);
  for (std::size_t i = 0; i < n; i += every)
    axis.ticks.emplace_back(static_cast<double>(i) + 0.5, fmt::format("{}", i));
  return axis;
}

Chart::Chart(std::string_view title, Axis x, Axis y)
    : x_(std::move(x)), y_(std::move(y)), svg_(kWidth, kHeight) {
  svg_.text(kLeft, 26, title, TextAnchor::start, 15, "#111");
}

double Chart::x(double value) const { return kLeft + share_of(x_, value) * (kRight - kLeft); }
double Chart::y(double value) const { return kBottom - share_of(y_, value) * (kBottom - kTop); }

void Chart::curve(const std::vector<std::pair<double, double>>& points, std::string_view stroke,
                  double width, std::string_view dashes) {
  std::string path;
  for (const auto& [px, py] : points)
    path +=
        fmt::format("{}{} {}", path.empty() ? 'M' : 'L', short_number(x(px)), short_number(y(py)));
  svg_.stroked_path(path, stroke, width, dashes);
}

void Chart::box(double x1, double y1, double x2, double y2, std::string_view fill) {
  svg_.rectangle(x(x1), y(y2), x(x2) - x(x1), y(y1) - y(y2), fill);
}

void Chart::legend_box(std::string_view fill, std::string_view text) {
  svg_.rectangle(kRight + 16, legend_y_, 18, 11, fill);
  svg_.text(kRight + 40, legend_y_ + 10, text);
  legend_y_ += 19;
}

void Chart::legend_line(std::string_view stroke, std::string_view text, std::string_view dashes) {
  svg_.line(kRight + 16, legend_y_ + 6, kRight + 34, legend_y_ + 6, stroke, 2.2, dashes);
  svg_.text(kRight + 40, legend_y_ + 10, text);
  legend_y_ += 19;
}

void Chart::legend_mark(std::string_view shape, std::string_view fill, std::string_view text) {
  svg_.line(kRight + 16, legend_y_ + 6, kRight + 34, legend_y_ + 6, fill, 1.8);
  svg_.filled_path(shape, fill, kRight + 25, legend_y_ + 6);
  svg_.text(kRight + 40, legend_y_ + 10, text);
  legend_y_ += 19;
}

void Chart::legend_text(std::string_view text) {
  svg_.text(kRight + 16, legend_y_ + 10, text);
  legend_y_ += 19;
}

void Chart::draw_axes(Grid grid) {
  for (const auto& [value, text] : x_.ticks) {
    const double at = x(value);
    if (grid == Grid::lines) svg_.line(at, kTop, at, kBottom, kGridColour);
    svg_.line(at, kBottom, at, kBottom + 4, kAxisColour);
    svg_.text(at, kBottom + 18, text, TextAnchor::middle);
  }
  for (const auto& [value, text] : y_.ticks) {
    const double at = y(value);
    if (grid == Grid::lines) svg_.line(kLeft, at, kRight, at, kGridColour);
    svg_.line(kLeft - 4, at, kLeft, at, kAxisColour);
    svg_.text(kLeft - 7, at + 4, text, TextAnchor::end);
  }
  svg_.line(kLeft, kTop, kLeft, kBottom, kAxisColour);
  svg_.line(kLeft, kBottom, kRight, kBottom, kAxisColour);
  svg_.text((kLeft + kRight) / 2, kBottom + 40, x_.label, TextAnchor::middle, 13);
  svg_.text_upwards(18, (kTop + kBottom) / 2, y_.label, 13);
}

// Told apart also by those who see fewer colours (Okabe and Ito 2008).
std::string_view thing_colour(std::size_t i) {
  constexpr std::array<std::string_view, 8> kColours{"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                     "#56b4e9", "#d55e00", "#8c8c8c", "#000000"};
  return kColours[i % kColours.size()];
}

std::string heat_colour(double share) {
  constexpr std::array<Rgb, 5> kColours{
      {{250, 250, 245}, {199, 224, 216}, {97, 176, 188}, {40, 100, 150}, {16, 30, 84}}};
  return between(kColours, share);
}

std::string order_colour(std::size_t i, std::size_t n) {
  constexpr std::array<Rgb, 4> kColours{
      {{68, 1, 120}, {42, 110, 160}, {34, 160, 110}, {214, 160, 10}}};
  return between(kColours, n < 2 ? 0 : static_cast<double>(i) / static_cast<double>(n - 1));
}

}  // namespace synfire::cli
