#include "core/sparsity/matrix_math.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>

#include "core/sparsity/matrix_product.hpp"
#include "core/sparsity/parallel_parts.hpp"

namespace synfire {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<float> product(const MatrixView& a, const MatrixView& b) {
  std::vector<float> out(a.rows * b.cols);
  add_product(a, b, out.data());
  return out;
}

// E[x x^T] in full, after a little of the mean variance was added to every direction: inputs that
// were never seen must not look impossible. Empty where moments are.
Result<std::vector<float>> with_ridge(std::span<const float> lower, std::size_t n) {
  constexpr double kRidge = 1e-3;
  std::vector<float> moments(lower.begin(), lower.end());
  if (moments.empty()) return moments;
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i) trace += moments[i * n + i];
  if (!(trace > 0) || !std::isfinite(trace))
    return invalid_argument(
        "second moments of the inputs: trace {}, want over 0, that of real inputs", trace);
  for (std::size_t r = 0; r < n; ++r) {
    moments[r * n + r] += static_cast<float>(kRidge * trace / static_cast<double>(n));
    for (std::size_t c = 0; c < r; ++c) moments[c * n + r] = moments[r * n + c];
  }
  return moments;
}

// w M w^T, M the moments or one, which is never formed: it meets thin matrices only. Those have a
// direction per row.
class OutputCovariance {
 public:
  OutputCovariance(const MatrixView& w, std::vector<float> moments)
      : w_(w), moments_(std::move(moments)) {}

  // Outputs of inputs: [n, w.cols] to [n, w.rows].
  [[nodiscard]] std::vector<float> forward(const std::vector<float>& x) const {
    return product(MatrixView::of(x, w_.cols), w_.transposed());
  }
  // [n, w.rows] to [n, w.cols].
  [[nodiscard]] std::vector<float> back(const std::vector<float>& y) const {
    return product(MatrixView::of(y, w_.rows), w_);
  }
  // [n, w.cols] to the same.
  [[nodiscard]] std::vector<float> weighted(std::vector<float> x) const {
    if (moments_.empty()) return x;
    return product(MatrixView::of(x, w_.cols), MatrixView::of(moments_, w_.cols));
  }

 private:
  const MatrixView w_;
  const std::vector<float> moments_;
};

// The same space, rows of unit length and right angles. At most as many rows as columns.
void orthonormalize(std::vector<float>& rows, std::size_t cols) {
  using ByColumns = Eigen::MatrixXf;
  const auto n = static_cast<Eigen::Index>(cols);
  Eigen::Map<ByColumns> columns(rows.data(), n, static_cast<Eigen::Index>(rows.size()) / n);
  const Eigen::HouseholderQR<ByColumns> qr(columns);
  columns = qr.householderQ() * ByColumns::Identity(n, columns.cols());
}

// Directions of outputs [n, w.rows] that hold nearly all of what n of them can.
std::vector<float> leading_outputs(const OutputCovariance& outputs, const MatrixView& w,
                                   std::size_t n) {
  constexpr int kRounds = 4;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> inputs(n * w.cols);
  for (float& value : inputs) value = normal(random);
  for (int round = 0; round < kRounds; ++round) {
    orthonormalize(inputs, w.cols);
    inputs = outputs.weighted(outputs.back(outputs.forward(inputs)));
  }
  orthonormalize(inputs, w.cols);
  std::vector<float> directions = outputs.forward(inputs);
  orthonormalize(directions, w.rows);
  return directions;
}

MatrixView view(const Matrix& m) {
  return MatrixView::of({m.data(), static_cast<std::size_t>(m.size())},
                        static_cast<std::size_t>(m.cols()));
}

// What turns directions of outputs into w's own, by falling variance.
struct Turn {
  Matrix for_a, for_b;  // [rank, directions]
};

// By the eigenvectors of the covariance [n, n] within the directions.
Result<Turn> own_directions(const std::vector<float>& covariance, std::size_t n, std::size_t rank) {
  const auto size = static_cast<Eigen::Index>(n);
  const Eigen::SelfAdjointEigenSolver<Matrix> solved(
      Eigen::Map<const Matrix>(covariance.data(), size, size));
  const float largest = solved.eigenvalues()[size - 1];  // they rise
  if (!(largest >= 0) || !std::isfinite(largest))
    return invalid_argument(
        "second moments of the inputs: output variance {}, want that of real inputs", largest);
  Turn turn{Matrix(rank, n), Matrix(rank, n)};
  for (std::size_t i = 0; i < rank; ++i) {
    const Eigen::Index at = size - 1 - static_cast<Eigen::Index>(i);
    // Not under what rounding leaves. The deviation itself is free: a divides by it, b multiplies.
    const float deviation =
        std::sqrt(std::max({solved.eigenvalues()[at], 1e-7F * largest, 1e-30F}));
    turn.for_a.row(static_cast<Eigen::Index>(i)) = solved.eigenvectors().col(at) / deviation;
    turn.for_b.row(static_cast<Eigen::Index>(i)) = solved.eigenvectors().col(at) * deviation;
  }
  return turn;
}

}  // namespace

std::vector<float> multiply_transposed(std::span<const float> x, std::span<const float> w,
                                       std::size_t cols) {
  return product(MatrixView::of(x, cols), MatrixView::of(w, cols).transposed());
}

void add_outer_products(std::span<const float> x, std::size_t cols, std::span<float> sum) {
  // Rows of the sum by themselves: a part needs the columns up to its own last one.
  constexpr std::size_t kPart = 256;
  const MatrixView rows = MatrixView::of(x, cols);
  parallel_parts((cols + kPart - 1) / kPart, [&](std::size_t part) {
    const std::size_t first = part * kPart, end = std::min(first + kPart, cols);
    std::vector<float> mine((end - first) * end);
    add_product(rows.some_cols(first, end - first).transposed(), rows.some_cols(0, end),
                mine.data());
    for (std::size_t r = first; r < end; ++r)
      for (std::size_t c = 0; c <= r; ++c) sum[r * cols + c] += mine[(r - first) * end + c];
  });
}

std::vector<float> nearest_to_one(std::span<const float> x, std::size_t cols) {
  constexpr double kRidge = 1e-4;  // of the mean square
  const MatrixView rows = MatrixView::of(x, cols);
  const std::vector<float> squares = product(rows.transposed(), rows);
  const auto n = static_cast<Eigen::Index>(cols);
  Eigen::MatrixXd normal = Eigen::Map<const Matrix>(squares.data(), n, n).cast<double>();
  normal.diagonal().array() += kRidge * normal.trace() / static_cast<double>(cols) + 1e-30;
  Eigen::VectorXd sums = Eigen::VectorXd::Zero(n);
  for (std::size_t i = 0; i < x.size(); ++i) sums[static_cast<Eigen::Index>(i % cols)] += x[i];
  const Eigen::VectorXd solved = normal.ldlt().solve(sums);
  std::vector<float> v;
  for (const double value : solved) v.push_back(static_cast<float>(value));
  return v;
}

Result<LowRank> fit_low_rank(std::span<const float> w, std::size_t cols,
                             std::span<const float> moments, std::size_t rank) {
  constexpr std::size_t kMore = 16;  // directions beyond the wanted ones make it converge fast
  const MatrixView matrix = MatrixView::of(w, cols);
  const std::size_t width = std::min({matrix.rows, matrix.cols, rank + kMore});
  SYNFIRE_ASSIGN_OR_RETURN(std::vector<float> full, with_ridge(moments, cols));
  const OutputCovariance outputs(matrix, std::move(full));
  const std::vector<float> directions = leading_outputs(outputs, matrix, width);
  const std::vector<float> back = outputs.back(directions);
  const std::vector<float> covariance = product(MatrixView::of(outputs.weighted(back), cols),
                                                MatrixView::of(back, cols).transposed());
  SYNFIRE_ASSIGN_OR_RETURN(const Turn turn, own_directions(covariance, width, rank));
  return LowRank{
      product(view(turn.for_a), MatrixView::of(back, cols)),
      product(MatrixView::of(directions, matrix.rows).transposed(), view(turn.for_b).transposed())};
}

}  // namespace synfire
