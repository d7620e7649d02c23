#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace synfire {

// A uniform sample of at most max_rows of all rows that were ever added (reservoir sampling, Vitter
// 1985). The same rows in the same order give the same sample.
class RowSample {
 public:
  RowSample(std::size_t cols, std::size_t max_rows) : cols_(cols), max_rows_(max_rows) {}
  // One that saw `seen` rows and kept `rows` of them, to go on as if it had never stopped. `rows`
  // are as many as a sample of `seen` has.
  RowSample(std::size_t cols, std::size_t max_rows, std::vector<float> rows, std::uint64_t seen)
      : cols_(cols), max_rows_(max_rows), seen_(seen), rows_(std::move(rows)) {
    if (seen_ > max_rows_) random_.discard(seen_ - max_rows_);  // a draw for each past the first
  }

  // [n, cols]
  void add(std::span<const float> rows) {
    for (std::size_t at = 0; at < rows.size(); at += cols_) add_row(rows.subspan(at, cols_));
  }
  [[nodiscard]] std::span<const float> rows() const { return rows_; }  // [n_rows(), cols]
  [[nodiscard]] std::size_t n_rows() const { return rows_.size() / cols_; }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }

 private:
  void add_row(std::span<const float> row) {
    ++seen_;
    if (n_rows() < max_rows_) {
      rows_.insert(rows_.end(), row.begin(), row.end());
      return;
    }
    const std::uint64_t place = random_() % seen_;
    if (place < max_rows_)
      std::copy(row.begin(), row.end(), rows_.begin() + static_cast<std::ptrdiff_t>(place * cols_));
  }

  std::size_t cols_, max_rows_;
  std::uint64_t seen_ = 0;
  std::mt19937_64 random_{1};
  std::vector<float> rows_;
};

}  // namespace synfire
