#include "tools/pictures/svg.hpp"

namespace synfire::cli {
namespace {

std::string_view anchor_name(TextAnchor anchor) {
  if (anchor == TextAnchor::start) return "start";
  return anchor == TextAnchor::middle ? "middle" : "end";
}

std::string dash_attribute(std::string_view dashes) {
  return dashes.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", dashes);
}

}  // namespace

std::string short_number(double number) {
  std::string text = fmt::format("{:.2f}", number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

void Svg::rectangle(double x, double y, double width, double height, std::string_view fill) {
  add("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>", short_number(x),
      short_number(y), short_number(width), short_number(height), fill);
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view stroke, double width,
               std::string_view dashes) {
  add("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\" stroke-width=\"{}\"{}/>",
      short_number(x1), short_number(y1), short_number(x2), short_number(y2), stroke,
      short_number(width), dash_attribute(dashes));
}

void Svg::filled_path(std::string_view data, std::string_view fill) {
  add("<path d=\"{}\" fill=\"{}\"/>", data, fill);
}

void Svg::filled_path(std::string_view data, std::string_view fill, double x, double y) {
  add("<path transform=\"translate({} {})\" d=\"{}\" fill=\"{}\"/>", short_number(x),
      short_number(y), data, fill);
}

void Svg::stroked_path(std::string_view data, std::string_view stroke, double width,
                       std::string_view dashes) {
  add("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{}/>", data, stroke,
      short_number(width), dash_attribute(dashes));
}

void Svg::text(double x, double y, std::string_view text, TextAnchor anchor, double size,
               std::string_view fill) {
  add("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" font-size=\"{}\" fill=\"{}\">{}</text>",
      short_number(x), short_number(y), anchor_name(anchor), short_number(size), fill,
      escaped(text));
}

void Svg::text_upwards(double x, double y, std::string_view text, double size) {
  add("<text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\" font-size=\"{}\" "
      "fill=\"#333\">{}</text>",
      short_number(x), short_number(y), short_number(size), escaped(text));
}

std::string Svg::finish() const {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" font-family=\"Helvetica, Arial, sans-serif\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n{2}</svg>\n",
      short_number(width_), short_number(height_), body_);
}

}  // namespace synfire::cli
