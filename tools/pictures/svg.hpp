#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace synfire::cli {

enum class TextAnchor { start, middle, end };

// An SVG picture as it grows: shapes in the order of the calls, in pixels from the upper left. It
// stands by itself, on a light background.
class Svg {
 public:
  Svg(double width, double height) : width_(width), height_(height) {}

  void rectangle(double x, double y, double width, double height, std::string_view fill);
  // `dashes`: "4 3", or empty for a whole line.
  void line(double x1, double y1, double x2, double y2, std::string_view stroke, double width = 1,
            std::string_view dashes = {});
  // `data` as SVG has it: "M0 0H10".
  void filled_path(std::string_view data, std::string_view fill);
  // The same, moved.
  void filled_path(std::string_view data, std::string_view fill, double x, double y);
  void stroked_path(std::string_view data, std::string_view stroke, double width = 1.5,
                    std::string_view dashes = {});
  void text(double x, double y, std::string_view text, TextAnchor anchor = TextAnchor::start,
            double size = 12, std::string_view fill = "#333");
  // Reads upwards, around its middle.
  void text_upwards(double x, double y, std::string_view text, double size = 12);

  [[nodiscard]] std::string finish() const;

 private:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    body_ += fmt::format(format, std::forward<Args>(args)...);
    body_ += '\n';
  }

  double width_, height_;
  std::string body_;
};

// At most two decimals, no zeros at the end.
[[nodiscard]] std::string short_number(double number);
// For text and attributes of SVG and HTML.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace synfire::cli
