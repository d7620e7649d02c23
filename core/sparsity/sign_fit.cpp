#include "core/sparsity/sign_fit.hpp"

#include <algorithm>
#include <cmath>

#include "core/sparsity/matrix_product.hpp"
#include "core/sparsity/parallel_parts.hpp"

namespace synfire {
namespace {

constexpr int kSweeps = 4;

// Some rows at a time, so that a row of the covariance serves them all from a cache.
class RowBlock {
 public:
  static constexpr std::size_t kRows = 32;

  RowBlock(const MatrixView& w, const MatrixView& covariance, std::uint8_t* negative, float* scale)
      : w_(w),
        covariance_(covariance),
        negative_(negative),
        scale_(scale),
        rest_(w.rows * w.cols),
        pull_(w.rows * w.cols) {}

  void fit() {
    for (std::size_t r = 0; r < w_.rows; ++r) {
      double magnitude = 0;
      for (std::size_t c = 0; c < w_.cols; ++c) {
        negative_[r * w_.cols + c] = weight(r, c) < 0 ? 1 : 0;
        magnitude += std::fabs(weight(r, c));
      }
      scale_[r] = static_cast<float>(magnitude / static_cast<double>(w_.cols));
    }
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      update_pull();
      std::size_t turned = 0;
      for (std::size_t c = 0; c < w_.cols; ++c) turned += turn(c);
      rescale();
      if (turned == 0) return;
    }
  }

 private:
  [[nodiscard]] float weight(std::size_t r, std::size_t c) const {
    return w_.data[r * w_.row_stride + c];
  }
  [[nodiscard]] float sign(std::size_t r, std::size_t c) const {
    return negative_[r * w_.cols + c] != 0 ? -1.0F : 1.0F;
  }

  // pull = (w - c s) C.
  void update_pull() {
    for (std::size_t r = 0; r < w_.rows; ++r)
      for (std::size_t c = 0; c < w_.cols; ++c)
        rest_[r * w_.cols + c] = weight(r, c) - scale_[r] * sign(r, c);
    std::fill(pull_.begin(), pull_.end(), 0.0F);
    add_product(MatrixView::of(rest_, w_.cols), covariance_, pull_.data());
  }

  // Turns the sign of one column where that lessens a row's error; how many.
  std::size_t turn(std::size_t c) {
    const float* const along = covariance_.data + c * covariance_.row_stride;
    std::size_t turned = 0;
    for (std::size_t r = 0; r < w_.rows; ++r) {
      float* const pull = pull_.data() + r * w_.cols;
      const float step = 2 * scale_[r] * sign(r, c);  // that the rest changes by
      if (step * (2 * pull[c] + step * along[c]) >= 0) continue;
      negative_[r * w_.cols + c] ^= 1;
      for (std::size_t i = 0; i < w_.cols; ++i) pull[i] += step * along[i];
      ++turned;
    }
    return turned;
  }

  // The best scale of the signs: w C s / s C s.
  void rescale() {
    for (std::size_t r = 0; r < w_.rows; ++r)
      for (std::size_t c = 0; c < w_.cols; ++c) rest_[r * w_.cols + c] = sign(r, c);
    std::fill(pull_.begin(), pull_.end(), 0.0F);
    add_product(MatrixView::of(rest_, w_.cols), covariance_, pull_.data());
    for (std::size_t r = 0; r < w_.rows; ++r) {
      double with_weights = 0, with_signs = 0;
      for (std::size_t c = 0; c < w_.cols; ++c) {
        with_weights += double{weight(r, c)} * pull_[r * w_.cols + c];
        with_signs += double{sign(r, c)} * pull_[r * w_.cols + c];
      }
      if (with_weights > 0 && with_signs > 0)
        scale_[r] = static_cast<float>(with_weights / with_signs);
    }
  }

  MatrixView w_, covariance_;
  std::uint8_t* negative_;
  float* scale_;
  std::vector<float> rest_, pull_;  // [rows, cols]
};

}  // namespace

std::vector<std::byte> pack_signs(std::span<const std::uint8_t> negative, std::size_t cols) {
  const std::size_t bytes = (cols + 7) / 8;
  std::vector<std::byte> packed(negative.size() / cols * bytes);
  for (std::size_t i = 0; i < negative.size(); ++i)
    if (negative[i] != 0) packed[i / cols * bytes + i % cols / 8] |= std::byte{1} << i % cols % 8;
  return packed;
}

SignRows fit_signs(std::span<const float> w, std::size_t cols, std::span<const float> covariance) {
  const MatrixView weights = MatrixView::of(w, cols);
  SignRows signs{std::vector<std::uint8_t>(w.size()), std::vector<float>(weights.rows)};
  parallel_parts((weights.rows + RowBlock::kRows - 1) / RowBlock::kRows, [&](std::size_t part) {
    const std::size_t first = part * RowBlock::kRows;
    const std::size_t n = std::min(RowBlock::kRows, weights.rows - first);
    RowBlock(weights.some_rows(first, n), MatrixView::of(covariance, cols),
             signs.negative.data() + first * cols, signs.scale.data() + first)
        .fit();
  });
  return signs;
}

}  // namespace synfire
