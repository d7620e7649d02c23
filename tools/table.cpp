#include "tools/table.hpp"

#include <algorithm>
#include <utility>

namespace synfire::cli {
namespace {

std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

void Table::add(std::vector<std::string> row) {
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    widths.push_back(width_of(titles[c]));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  append_row(titles, widths, text);
  for (const auto& row : rows_) append_row(row, widths, text);
  return text;
}

void Table::append_row(const std::vector<std::string>& row, const std::vector<std::size_t>& widths,
                       std::string& text) const {
  for (std::size_t c = 0; c < row.size(); ++c) {
    const std::string padding(widths[c] - width_of(row[c]), ' ');
    const bool last = c + 1 == row.size();
    if (c != 0) text += "  ";
    if (columns_[c].align == Align::right) text += padding;
    text += row[c];
    if (columns_[c].align == Align::left && !last) text += padding;
  }
  while (text.ends_with(' ')) text.pop_back();
  text += '\n';
}

}  // namespace synfire::cli
