#pragma once

#include <string>
#include <vector>

namespace synfire::cli {

// Rows of cells as aligned text, columns two spaces apart. Width counts characters of UTF-8; the
// last column is not padded.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns; missing ones are empty.
  void add(std::vector<std::string> row);
  [[nodiscard]] std::string text() const;

 private:
  void append_row(const std::vector<std::string>& row, const std::vector<std::size_t>& widths,
                  std::string& text) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace synfire::cli
