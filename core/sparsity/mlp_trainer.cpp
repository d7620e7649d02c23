#include "core/sparsity/mlp_trainer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/sparsity/matrix_math.hpp"
#include "core/sparsity/matrix_product.hpp"

namespace synfire {
namespace {

// exp of what is at most 0: 2^n times a polynomial of the rest (that of Cephes' expf). Plain
// arithmetic, so that loops of it become vectors.
inline float exp_of_negative(float x) {
  constexpr float kLog2E = 1.44269504F, kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
  x = std::max(x, -87.0F);
  const auto n = static_cast<std::int32_t>(x * kLog2E - 0.5F);  // nearest, as x is not over 0
  const auto whole = static_cast<float>(n);
  const float r = x - whole * kLn2High - whole * kLn2Low;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  return p * std::bit_cast<float>((n + 127) << 23);
}

// Scores become gradients of the loss by them, over all rows of a batch.
inline void score_gradients(std::span<float> scores, std::span<const std::uint8_t> fired,
                            float firing_weight, float scale) {
  const float of_firing = -firing_weight * scale;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const float score = scores[i];
    const float small = exp_of_negative(-std::fabs(score));  // e^-|s|
    const float less = small / (1 + small);                  // the smaller of the two sigmoids
    const float rises = score >= 0 ? 1 - less : less;        // sigmoid(s)
    scores[i] = fired[i] != 0 ? of_firing * (1 - rises) : scale * rises;
  }
}

double score_loss(std::span<const float> scores, std::span<const std::uint8_t> fired,
                  float firing_weight) {
  double loss = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    // log(1 + e^s) of the score, or of its negative.
    const double s = fired[i] != 0 ? -scores[i] : scores[i];
    const double part = std::max(s, 0.0) + std::log1p(std::exp(-std::fabs(s)));
    loss += fired[i] != 0 ? firing_weight * part : part;
  }
  return loss;
}

// out [a.rows, b.cols] = a b.
void set_product(const MatrixView& a, const MatrixView& b, std::vector<float>& out) {
  out.assign(a.rows * b.cols, 0);
  add_product(a, b, out.data());
}

// From the gradients by the scores to those by both matrices.
void back(const Mlp& mlp, std::span<const float> x, std::span<const float> hidden,
          std::span<const float> by_scores, Mlp& gradient) {
  const MatrixView scores = MatrixView::of(by_scores, mlp.n_neurons());
  set_product(scores.transposed(), MatrixView::of(hidden, mlp.rank), gradient.fc2);
  std::vector<float> by_hidden;
  set_product(scores, MatrixView::of(mlp.fc2, mlp.rank), by_hidden);
  for (std::size_t i = 0; i < by_hidden.size(); ++i)
    if (hidden[i] <= 0) by_hidden[i] = 0;
  set_product(MatrixView::of(by_hidden, mlp.rank).transposed(), MatrixView::of(x, mlp.n_inputs),
              gradient.fc1);
}

void set_gradient(const Mlp& mlp, const MlpSamples& samples, float firing_weight, Mlp& gradient) {
  const std::vector<float> hidden = mlp.hidden(samples.x);
  std::vector<float> scores = mlp.scores_of_hidden(hidden);
  score_gradients(scores, samples.fired, firing_weight,
                  1.0F / static_cast<float>(samples.n_rows()));
  back(mlp, samples.x, hidden, scores, gradient);
}

// Rows of the new width; what is added is zero.
void widen(std::vector<float>& rows, std::size_t from, std::size_t to) {
  const std::size_t n = rows.size() / from;
  std::vector<float> wide(n * to);
  for (std::size_t r = 0; r < n; ++r)
    std::copy_n(rows.data() + r * from, from, wide.data() + r * to);
  rows = std::move(wide);
}

}  // namespace

double mlp_loss(const Mlp& mlp, const MlpSamples& samples, float firing_weight, Mlp* gradient) {
  if (gradient != nullptr) set_gradient(mlp, samples, firing_weight, *gradient);
  return score_loss(mlp.scores(samples.x), samples.fired, firing_weight) /
         static_cast<double>(samples.n_rows());
}

MlpTrainer::MlpTrainer(const MlpSamples& samples, const MlpTraining& training)
    : samples_(samples), training_(training), order_(samples.n_rows()) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  mlp_.n_inputs = samples.n_inputs;
}

void MlpTrainer::start() {
  std::vector<double> fired(samples_.n_neurons);
  for (std::size_t row = 0; row < samples_.n_rows(); ++row)
    for (std::size_t j = 0; j < fired.size(); ++j)
      fired[j] += samples_.fired[row * fired.size() + j];
  mlp_.rank = 1;
  mlp_.fc1 = nearest_to_one(samples_.x, samples_.n_inputs);
  // As if each had fired half a time more: never none, never all.
  const auto n = static_cast<double>(samples_.n_rows());
  for (const double count : fired)
    mlp_.fc2.push_back(
        static_cast<float>(std::log(training_.firing_weight * (count + 0.5) / (n - count + 0.5))));
}

void MlpTrainer::grow(std::size_t rank) {
  if (mlp_.rank == 0) start();
  std::normal_distribution<float> normal(0,
                                         std::sqrt(2.0F / static_cast<float>(samples_.n_inputs)));
  while (mlp_.fc1.size() < rank * samples_.n_inputs) mlp_.fc1.push_back(normal(random_));
  widen(mlp_.fc2, mlp_.rank, rank);
  mlp_.rank = rank;
}

void MlpTrainer::shuffle() {
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random_() % i]);
}

void MlpTrainer::run(std::size_t epochs) {
  constexpr double kRise = 0.05;  // of all steps
  for (Moments* const moments : {&fc1_moments_, &fc2_moments_}) {
    const std::size_t n = (moments == &fc1_moments_ ? mlp_.fc1 : mlp_.fc2).size();
    moments->first.assign(n, 0);
    moments->second.assign(n, 0);
  }
  const std::size_t batch = std::min(training_.batch_rows, order_.size());
  const std::size_t steps = order_.size() / batch * epochs;
  Step step{0, 0};
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    shuffle();
    for (std::size_t at = 0; at + batch <= order_.size(); at += batch) {
      const double done = static_cast<double>(++step.index) / static_cast<double>(steps);
      const double share =
          done < kRise ? done / kRise
                       : 0.5 + 0.5 * std::cos(std::numbers::pi * (done - kRise) / (1 - kRise));
      step.learning_rate = training_.learning_rate * static_cast<float>(share);
      train_batch(std::span(order_).subspan(at, batch), step);
    }
  }
}

void MlpTrainer::train_batch(std::span<const std::size_t> rows, const Step& step) {
  batch_x_.clear();
  batch_fired_.clear();
  for (const std::size_t row : rows) {
    const auto x = samples_.x.subspan(row * samples_.n_inputs, samples_.n_inputs);
    const auto fired = samples_.fired.subspan(row * samples_.n_neurons, samples_.n_neurons);
    batch_x_.insert(batch_x_.end(), x.begin(), x.end());
    batch_fired_.insert(batch_fired_.end(), fired.begin(), fired.end());
  }
  set_gradient(mlp_, {samples_.n_inputs, samples_.n_neurons, batch_x_, batch_fired_},
               training_.firing_weight, gradient_);
  const auto adam = [&](std::span<float> values, std::span<const float> gradient,
                        Moments& moments) {
    constexpr float kFirst = 0.9F, kSecond = 0.99F, kEpsilon = 1e-8F;
    const auto n = static_cast<double>(step.index);
    const auto unbias_first = static_cast<float>(1 / (1 - std::pow(kFirst, n)));
    const auto unbias_second = static_cast<float>(1 / (1 - std::pow(kSecond, n)));
    float* const first = moments.first.data();
    float* const second = moments.second.data();
    for (std::size_t i = 0; i < values.size(); ++i) {
      first[i] = kFirst * first[i] + (1 - kFirst) * gradient[i];
      second[i] = kSecond * second[i] + (1 - kSecond) * gradient[i] * gradient[i];
      values[i] -= step.learning_rate * (first[i] * unbias_first) /
                   (std::sqrt(second[i] * unbias_second) + kEpsilon);
    }
  };
  adam(mlp_.fc1, gradient_.fc1, fc1_moments_);
  adam(mlp_.fc2, gradient_.fc2, fc2_moments_);
}

}  // namespace synfire
