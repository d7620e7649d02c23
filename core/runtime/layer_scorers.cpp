#include "core/runtime/layer_scorers.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/runtime/fitted_tensor.hpp"
#include "core/sparsity/matrix_math.hpp"
#include "core/sparsity/sign_fit.hpp"

namespace synfire {
namespace {

constexpr std::array<std::uint32_t, 6> kRanks{32, 64, 96, 128, 192, 256};
constexpr std::array<std::uint32_t, 2> kRanksUnderSigns{32, 64};

// How the inputs vary, [d_model, d_model] in full: around their mean where it is known, for what is
// constant, biases make good. It must be the mean of the very rows that the moments are of; that of
// a sample leaves directions of negative variance. A little of the mean variance is in every
// direction, for inputs that were never seen. Without moments: all directions alike.
std::vector<float> input_covariance(const FfnInputs& inputs, std::size_t n) {
  constexpr double kRidge = 1e-3;
  std::vector<float> covariance(n * n);
  if (inputs.moments.empty()) {
    for (std::size_t i = 0; i < n; ++i) covariance[i * n + i] = 1;
    return covariance;
  }
  const auto rows = static_cast<double>(inputs.n_rows);
  double trace = 0;
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c <= r; ++c) {
      double value = inputs.moments[r * n + c] / rows;
      if (!inputs.sums.empty()) value -= inputs.sums[r] / rows * (inputs.sums[c] / rows);
      covariance[r * n + c] = covariance[c * n + r] = static_cast<float>(value);
      if (r == c) trace += value;
    }
  for (std::size_t i = 0; i < n; ++i)
    covariance[i * n + i] += static_cast<float>(kRidge * trace / static_cast<double>(n));
  return covariance;
}

// The first columns of each row.
std::vector<float> first_columns(const std::vector<float>& values, std::size_t cols,
                                 std::size_t wanted) {
  std::vector<float> out;
  out.reserve(values.size() / cols * wanted);
  for (auto row = values.begin(); row != values.end(); row += static_cast<std::ptrdiff_t>(cols))
    out.insert(out.end(), row, row + static_cast<std::ptrdiff_t>(wanted));
  return out;
}

// A quantized dtype where rows are whole blocks of it, else F16.
DType dtype_for(DType wanted, std::uint64_t cols) {
  return cols % dtype_info(wanted).block_size == 0 ? wanted : DType::f16;
}

// svd's, from one low-rank fit of which narrower ones are a part.
class SvdScorers {
 public:
  SvdScorers(const LayerGates& gates, std::vector<float> covariance, LowRank fit,
             std::uint32_t widest, std::string prefix)
      : gates_(gates),
        covariance_(std::move(covariance)),
        fit_(std::move(fit)),
        widest_(widest),
        prefix_(std::move(prefix)) {}

  [[nodiscard]] LayerScorer low_rank(std::uint32_t rank, DType of_a, DType of_b) const {
    auto [a, b] = parts(rank);
    return {encoded(prefix_ + "a.weight", dtype_for(of_a, gates_.d_model), a, gates_.d_model),
            encoded(prefix_ + "b.weight", dtype_for(of_b, rank), b, rank)};
  }

  // With signs for what a low-rank part leaves; rank 0: signs alone.
  [[nodiscard]] LayerScorer with_signs(std::uint32_t rank) const {
    if (rank == 0) {
      LayerScorer scorer;
      add_signs(fit_signs(gates_.weights, gates_.d_model, covariance_), scorer);
      return scorer;
    }
    auto [a, b] = parts(rank);
    const DType of_a = dtype_for(DType::q4_0, gates_.d_model);
    FittedLayer::Tensor made_a = encoded(prefix_ + "a.weight", of_a, a, gates_.d_model);
    const DType of_b = dtype_for(DType::q4_0, rank);
    const SignRows signs = fit_signs(rest_of(made_a, encoded(prefix_ + "b.weight", of_b, b, rank)),
                                     gates_.d_model, covariance_);
    // Signs have no scale of their own, so the other part takes its inverse. Blocks of b lie within
    // a row, and stay what they are.
    for (std::size_t i = 0; i < b.size(); ++i) b[i] /= scale_of(signs, i / rank);
    LayerScorer scorer(std::move(made_a), encoded(prefix_ + "b.weight", of_b, b, rank));
    add_signs(signs, scorer);
    return scorer;
  }

 private:
  [[nodiscard]] std::pair<std::vector<float>, std::vector<float>> parts(std::uint32_t rank) const {
    return {{fit_.a.begin(), fit_.a.begin() + static_cast<std::ptrdiff_t>(rank * gates_.d_model)},
            first_columns(fit_.b, widest_, rank)};
  }
  // The gates less a low-rank part.
  [[nodiscard]] std::vector<float> rest_of(const FittedLayer::Tensor& a,
                                           const FittedLayer::Tensor& b) const {
    const std::vector<float> of_a = values_of(a), of_b = values_of(b);
    std::vector<float> columns(of_a.size());  // a, columns contiguous
    for (std::size_t i = 0; i < of_a.size(); ++i)
      columns[i % a.cols * a.rows + i / a.cols] = of_a[i];
    std::vector<float> rest = multiply_transposed(of_b, columns, b.cols);
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = gates_.weights[i] - rest[i];
    return rest;
  }
  static float scale_of(const SignRows& signs, std::size_t row) {
    return signs.scale[row] > 0 ? signs.scale[row] : 1;
  }
  void add_signs(const SignRows& signs, LayerScorer& scorer) const {
    scorer.add_signs(signs.negative, gates_.d_model, prefix_ + "signs");
  }

  const LayerGates& gates_;
  const std::vector<float> covariance_;
  const LowRank fit_;
  const std::uint32_t widest_;
  const std::string prefix_;
};

std::vector<float> lower_triangle_source(const FfnInputs& inputs,
                                         const std::vector<float>& covariance) {
  return inputs.moments.empty() ? std::vector<float>() : covariance;
}

Status for_each_svd(const LayerGates& gates, const FfnInputs& inputs, const std::string& prefix,
                    const PredictorFitOptions& options,
                    const std::function<bool(LayerScorer)>& take) {
  const auto full = static_cast<std::uint32_t>(std::min(gates.d_model, gates.d_ff));
  const std::uint32_t widest = options.rank.value_or(std::min(kMaxChosenRank, full));
  std::vector<float> covariance = input_covariance(inputs, gates.d_model);
  const std::vector<float> moments = lower_triangle_source(inputs, covariance);
  SYNFIRE_ASSIGN_OR_RETURN(LowRank fit,
                           fit_low_rank(gates.weights, gates.d_model, moments, widest));
  const SvdScorers scorers(gates, std::move(covariance), std::move(fit), widest, prefix);
  std::vector<std::uint32_t> ranks;
  if (options.rank) ranks.push_back(*options.rank);
  for (const std::uint32_t rank : kRanks)
    if (!options.rank && rank <= widest) ranks.push_back(rank);
  if (ranks.empty()) ranks.push_back(widest);
  using enum DType;
  for (const std::uint32_t rank : ranks)
    for (const auto& [of_a, of_b] :
         {std::pair{q8_0, f16}, std::pair{q8_0, q8_0}, std::pair{q4_0, q4_0}})
      if (of_b == dtype_for(of_b, rank))
        static_cast<void>(take(scorers.low_rank(rank, of_a, of_b)));
  if (!options.signs) return {};
  if (options.rank) {
    static_cast<void>(take(scorers.with_signs(*options.rank)));
    return {};
  }
  bool pays = take(scorers.with_signs(0));
  for (const std::uint32_t rank : kRanksUnderSigns)
    if (pays && rank <= widest) pays = take(scorers.with_signs(rank));
  return {};
}

}  // namespace

LayerScorer::LayerScorer(FittedLayer::Tensor a, FittedLayer::Tensor b)
    : d_model_(a.cols),
      rank_(a.rows),
      a_(values_of(a)),
      b_(values_of(b)),
      rounds_inner_(dtype_info(b.dtype).block_size > 1) {
  tensors_.push_back(std::move(a));
  tensors_.push_back(std::move(b));
}

void LayerScorer::add_signs(const std::vector<std::uint8_t>& negative, std::size_t d_model,
                            std::string stored) {
  d_model_ = d_model;
  signs_.reserve(negative.size());
  for (const std::uint8_t is_negative : negative) signs_.push_back(is_negative != 0 ? -1.0F : 1.0F);
  const std::size_t bytes = (d_model + 7) / 8, d_ff = signs_.size() / d_model;
  sign_bytes_ = d_ff * bytes;
  if (stored.empty()) return;
  tensors_.push_back({std::move(stored), DType::i8, d_ff, bytes, pack_signs(negative, d_model)});
}

std::vector<float> LayerScorer::scores(std::span<const float> x) const {
  std::vector<float> sum;
  if (!a_.empty()) {
    std::vector<float> inner = multiply_transposed(x, a_, d_model_);
    if (rounds_inner_) inner = as_int8_blocks(inner, rank_);
    sum = multiply_transposed(inner, b_, rank_);
  }
  if (signs_.empty()) return sum;
  std::vector<float> of_signs = multiply_transposed(x, signs_, d_model_);
  for (std::size_t i = 0; i < sum.size(); ++i) of_signs[i] += sum[i];
  return of_signs;
}

std::uint64_t LayerScorer::bytes() const {
  std::uint64_t bytes = sign_bytes_;
  for (const FittedLayer::Tensor& tensor : tensors_)
    if (tensor.dtype != DType::i8) bytes += tensor.data.size();
  return bytes;
}

Status for_each_scorer(const LayerGates& gates, const FfnInputs& inputs, std::uint32_t layer,
                       const PredictorFitOptions& options,
                       const std::function<bool(LayerScorer)>& take) {
  if (options.type != "signbit")
    return for_each_svd(gates, inputs, fmt::format("svd.blk.{}.", layer), options, take);
  std::vector<std::uint8_t> negative(gates.weights.size());
  for (std::size_t i = 0; i < negative.size(); ++i) negative[i] = gates.weights[i] < 0 ? 1 : 0;
  LayerScorer scorer;
  scorer.add_signs(negative, gates.d_model, "");
  static_cast<void>(take(std::move(scorer)));
  return {};
}

}  // namespace synfire
