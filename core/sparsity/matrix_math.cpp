#include "core/sparsity/matrix_math.hpp"

#include <algorithm>
#include <random>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>

namespace synfire {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<const Matrix>;

View view(std::span<const float> values, std::size_t cols) {
  return {values.data(), static_cast<Eigen::Index>(values.size() / cols),
          static_cast<Eigen::Index>(cols)};
}

std::vector<float> to_vector(const Matrix& matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

// L of moments = L L^T, after a little of the mean variance was added to every direction: inputs
// that were never seen must not look impossible.
Result<Matrix> whitener(std::span<const float> moments, std::size_t cols) {
  constexpr float kRidge = 1e-3F;
  const auto n = static_cast<Eigen::Index>(cols);
  if (moments.empty()) return Matrix(Matrix::Identity(n, n));
  Matrix with_ridge = view(moments, cols);
  const float mean = with_ridge.trace() / static_cast<float>(cols);
  with_ridge.diagonal().array() += kRidge * mean;
  const Eigen::LLT<Matrix, Eigen::Lower> factored(with_ridge);
  if (factored.info() != Eigen::Success || !(mean > 0))
    return invalid_argument(
        "second moments of the inputs: not positive, want those of real inputs");
  return Matrix(factored.matrixL());
}

// The rank leading eigenvectors of a symmetric matrix, as columns.
Matrix leading_eigenvectors(const Matrix& symmetric, Eigen::Index rank) {
  constexpr Eigen::Index kMore = 16;  // directions beyond the wanted ones make it converge fast
  constexpr int kRounds = 8;
  const Eigen::Index n = symmetric.rows();
  const Eigen::Index width = std::min(n, rank + kMore);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Matrix basis = Matrix::NullaryExpr(n, width, [&] { return normal(random); });
  for (int round = 0; round < kRounds; ++round) {
    const Eigen::HouseholderQR<Matrix> qr(symmetric * basis);
    basis = qr.householderQ() * Matrix::Identity(n, width);
  }
  const Matrix small = basis.transpose() * symmetric * basis;
  const Eigen::SelfAdjointEigenSolver<Matrix> solved(small);  // eigenvalues rising
  return basis * solved.eigenvectors().rightCols(rank).rowwise().reverse();
}

}  // namespace

std::vector<float> multiply_transposed(std::span<const float> x, std::span<const float> w,
                                       std::size_t cols) {
  return to_vector(view(x, cols) * view(w, cols).transpose());
}

void add_outer_products(std::span<const float> x, std::size_t cols, std::span<float> sum) {
  const auto n = static_cast<Eigen::Index>(cols);
  Eigen::Map<Matrix>(sum.data(), n, n)
      .selfadjointView<Eigen::Lower>()
      .rankUpdate(view(x, cols).transpose());
}

Result<LowRank> fit_low_rank(std::span<const float> w, std::size_t cols,
                             std::span<const float> moments, std::size_t rank) {
  SYNFIRE_ASSIGN_OR_RETURN(const Matrix l, whitener(moments, cols));
  const Matrix white = view(w, cols) * l.triangularView<Eigen::Lower>();
  Matrix gram = Matrix::Zero(l.rows(), l.cols());
  gram.selfadjointView<Eigen::Lower>().rankUpdate(white.transpose());
  gram.triangularView<Eigen::StrictlyUpper>() = gram.transpose();
  const Matrix v = leading_eigenvectors(gram, static_cast<Eigen::Index>(rank));
  // white ~ (white v) v^T, so w ~ (white v) (v^T L^-1).
  const Matrix a_transposed = l.transpose().triangularView<Eigen::Upper>().solve(v);
  return LowRank{to_vector(a_transposed.transpose()), to_vector(white * v)};
}

}  // namespace synfire
