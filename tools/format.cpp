#include "tools/format.hpp"

#include <array>
#include <cstddef>
#include <span>

#include <fmt/format.h>

#include "core/model/tokenizer/utf8.hpp"

namespace synfire::cli {
namespace {

std::string scaled(double value, std::span<const std::string_view> units) {
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0) return fmt::format("{:.0f}{}", value, units[0]);
  const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", value, digits, units[unit]);
}

void append_escaped(std::string& text, std::string_view character) {
  const auto byte = static_cast<unsigned char>(character.front());
  if (character == "\"" || character == "\\") {
    text += '\\';
    text += character;
  } else if (character == "\n") {
    text += "\\n";
  } else if (character == "\t") {
    text += "\\t";
  } else if (byte < 0x20 || byte == 0x7F) {
    text += fmt::format("\\x{:02X}", byte);
  } else {
    text += character;
  }
}

}  // namespace

std::string human_bytes(double bytes) {
  static constexpr std::array<std::string_view, 5> kUnits{" B", " kB", " MB", " GB", " TB"};
  return scaled(bytes, kUnits);
}

std::string human_count(double count) {
  static constexpr std::array<std::string_view, 5> kUnits{"", " k", " M", " B", " T"};
  return scaled(count, kUnits);
}

std::string quoted(std::string_view bytes) {
  std::string text = "\"";
  while (!bytes.empty()) {
    const utf8::Step step = utf8::step(bytes);
    if (step.kind == utf8::StepKind::character) {
      append_escaped(text, bytes.substr(0, step.bytes));
    } else {
      for (const char byte : bytes.substr(0, step.bytes)) {
        text += fmt::format("<0x{:02X}>", static_cast<unsigned char>(byte));
      }
    }
    bytes.remove_prefix(step.bytes);
  }
  return text + '"';
}

}  // namespace synfire::cli
