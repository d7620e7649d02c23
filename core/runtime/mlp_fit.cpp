#include "core/runtime/mlp_fit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "core/runtime/ffn_gates.hpp"
#include "core/runtime/fitted_tensor.hpp"
#include "core/sparsity/mlp_trainer.hpp"

namespace synfire {
namespace {

constexpr std::size_t kBlock = 32;  // of Q8_0 and Q4_0, which rows of fc2 may be
constexpr std::size_t kFirstEpochs = 4, kGrowthEpochs = 3, kLastEpochs = 8;
constexpr std::size_t kManyRows = 8192;  // of fewer, training sees each more often

// Rows of the residual stream as the training wants them: of length sqrt(d_model) each, which
// changes no decision of a predictor, and each dimension of a deviation near 1, which fc1 takes
// back.
class InputScale {
 public:
  InputScale(std::span<const float> rows, std::size_t d_model) : by_dimension_(d_model) {
    std::vector<double> squares(d_model);
    const std::vector<float> unit = unit_rows(rows);
    for (std::size_t i = 0; i < unit.size(); ++i) squares[i % d_model] += double{unit[i]} * unit[i];
    const double n = static_cast<double>(rows.size()) / static_cast<double>(d_model);
    for (std::size_t d = 0; d < d_model; ++d)
      by_dimension_[d] = static_cast<float>(1 / std::sqrt(squares[d] / n + 1e-6));
  }

  [[nodiscard]] std::vector<float> unit_rows(std::span<const float> rows) const {
    const std::size_t d_model = by_dimension_.size();
    std::vector<float> unit(rows.begin(), rows.end());
    for (std::size_t at = 0; at < unit.size(); at += d_model) {
      double square = 0;
      for (std::size_t d = 0; d < d_model; ++d) square += double{unit[at + d]} * unit[at + d];
      const auto scale =
          static_cast<float>(1 / std::sqrt(square / static_cast<double>(d_model) + 1e-30));
      for (std::size_t d = 0; d < d_model; ++d) unit[at + d] *= scale;
    }
    return unit;
  }
  // Rows of n dimensions times each dimension's scale: of inputs to train on, and of an fc1 that
  // was trained on such, so that it takes unit rows.
  void apply(std::vector<float>& rows) const {
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] *= by_dimension_[i % by_dimension_.size()];
  }

 private:
  std::vector<float> by_dimension_;
};

struct Measured {  // inputs that are not trained on
  std::vector<float> x, gates;
};

class MlpFit {
 public:
  MlpFit(const FfnGates& gates, const FfnInputs& inputs, const PredictorFitOptions& options,
         std::string prefix)
      : gates_(gates),
        options_(options),
        prefix_(std::move(prefix)),
        d_model_(gates.d_model()),
        scale_(inputs.calibration.rows(), d_model_) {
    x_ = scale_.unit_rows(inputs.calibration.rows());
    scale_.apply(x_);
    add_labels(inputs.calibration.rows());
    split(inputs.held_out.rows());
  }

  FittedLayer fit() {
    MlpTrainer trainer({d_model_, gates_.n_neurons(), x_, fired_}, {});
    if (options_.rank) {
      trainer.grow(*options_.rank);
    } else {
      grow(trainer);
    }
    trainer.run(kLastEpochs * repeats());
    return encoded_layer(trainer.mlp(), cheapest(trainer.mlp()).tensors[1].dtype, unseen_);
  }

 private:
  [[nodiscard]] std::size_t repeats() const {
    return std::max<std::size_t>(1, kManyRows / (x_.size() / d_model_));
  }

  // Stretches of rows by turns, each about a window: both see all of the text.
  void split(std::span<const float> rows) {
    const std::size_t stretch =
        std::clamp<std::size_t>(rows.size() / d_model_ / 2, 1, 256) * d_model_;
    std::vector<float> tuning, unseen;
    bool for_tuning = true;
    for (std::size_t at = 0; at < rows.size(); at += stretch, for_tuning = !for_tuning) {
      const auto part = rows.subspan(at, std::min(stretch, rows.size() - at));
      std::vector<float>& to = for_tuning ? tuning : unseen;
      to.insert(to.end(), part.begin(), part.end());
    }
    tuning_ = measured(tuning);
    unseen_ = measured(unseen);
  }

  [[nodiscard]] Measured measured(std::span<const float> rows) const {
    return {scale_.unit_rows(rows), gates_.of(rows)};
  }

  void add_labels(std::span<const float> rows) {
    const std::size_t part = 512 * d_model_;
    for (std::size_t at = 0; at < rows.size(); at += part) {
      const std::vector<float> gates =
          gates_.of(rows.subspan(at, std::min(part, rows.size() - at)));
      for (const float gate : gates) fired_.push_back(gate > 0 ? 1 : 0);
    }
  }

  [[nodiscard]] double bytes(const FittedLayer& layer) const {
    double all =
        layer.quality.predicted * static_cast<double>(gates_.n_neurons() * gates_.row_bytes());
    for (const FittedLayer::Tensor& tensor : layer.tensors)
      all += static_cast<double>(tensor.data.size());
    return all;
  }

  // By a step as long as a token then reads less: more units cost bytes, and predict fewer neurons
  // that do not fire.
  void grow(MlpTrainer& trainer) {
    double least = INFINITY;
    const std::size_t most = std::min<std::size_t>(d_model_, gates_.n_neurons());
    MlpTrainer best = trainer;
    const std::size_t step = kBlock * (d_model_ / 1024 + 1);
    for (std::size_t rank = step; rank <= std::max(most, step); rank += step) {
      trainer.grow(rank);
      trainer.run((rank == step ? kFirstEpochs : kGrowthEpochs) * repeats());
      const double now = bytes(cheapest(trainer.mlp()));
      if (now >= least) break;
      least = now;
      best = trainer;
    }
    trainer = std::move(best);
  }

  // In the dtype by which a token reads least.
  [[nodiscard]] FittedLayer cheapest(const Mlp& mlp) const {
    std::optional<FittedLayer> best;
    for (const DType dtype : fc2_dtypes(mlp.rank)) {
      FittedLayer layer = encoded_layer(mlp, dtype, tuning_);
      if (!best || bytes(layer) < bytes(*best)) best = std::move(layer);
    }
    return *std::move(best);
  }
  // As its file will have it, calibrated, and measured on those inputs.
  [[nodiscard]] FittedLayer encoded_layer(Mlp mlp, DType fc2_dtype, const Measured& on) const {
    FittedLayer layer;
    layer.rank = static_cast<std::uint32_t>(mlp.rank);
    scale_.apply(mlp.fc1);
    layer.tensors.push_back(encoded(prefix_ + "fc1.weight", fc1_dtype(), mlp.fc1, d_model_));
    mlp.fc1 = values_of(layer.tensors[0]);
    // Biases of all neurons alike, for the rounded weights; and again for what rounding makes of
    // the sum.
    layer.tensors.emplace_back();
    const std::vector<float> hidden = mlp.hidden(tuning_.x);
    Mlp rounded = mlp;
    for (int round = 0; round < 2; ++round) {
      layer.tensors[1] = encoded(prefix_ + "fc2.weight", fc2_dtype, mlp.fc2, mlp.rank);
      rounded.fc2 = values_of(layer.tensors[1]);
      const float bias =
          common_bias(rounded.scores_of_hidden(hidden), tuning_.gates, options_.recall);
      mlp.add_biases(hidden, std::vector<float>(gates_.n_neurons(), bias));
    }
    layer.tensors[1] = encoded(prefix_ + "fc2.weight", fc2_dtype, mlp.fc2, mlp.rank);
    rounded.fc2 = values_of(layer.tensors[1]);
    layer.quality =
        measure_scores(rounded.scores(on.x), on.gates, std::vector<float>(gates_.n_neurons()));
    return layer;
  }

  // Where nobody says, int8 for fc1, which is small, and for fc2 int8 or 4 bits, by the bytes that
  // a token reads.
  [[nodiscard]] DType fc1_dtype() const {
    return options_.dtype && row_fits(*options_.dtype, d_model_) ? *options_.dtype
                                                                 : least_dtype(d_model_);
  }
  [[nodiscard]] std::vector<DType> fc2_dtypes(std::size_t rank) const {
    if (!row_fits(DType::q8_0, rank)) return {DType::f16};
    if (options_.dtype) return {*options_.dtype};
    return {DType::q8_0, DType::q4_0};
  }
  [[nodiscard]] static bool row_fits(DType dtype, std::size_t cols) {
    return cols % dtype_info(dtype).block_size == 0;
  }

  const FfnGates& gates_;
  const PredictorFitOptions& options_;
  const std::string prefix_;
  const std::size_t d_model_;
  InputScale scale_;
  std::vector<float> x_;  // [n, d_model]
  std::vector<std::uint8_t> fired_;
  Measured tuning_, unseen_;
};

}  // namespace

Result<FittedLayer> fit_mlp_layer(const Program& program, const GgufFile& file, std::uint32_t layer,
                                  const FfnInputs& inputs, const PredictorFitOptions& options) {
  if (inputs.calibration.n_rows() == 0 || inputs.held_out.n_rows() < 2)
    return invalid_argument("layer {}: {} rows to train on and {} held out, want 1 and 2 at least",
                            layer, inputs.calibration.n_rows(), inputs.held_out.n_rows());
  SYNFIRE_ASSIGN_OR_RETURN(const FfnGates gates, FfnGates::make(program, file, layer));
  return MlpFit(gates, inputs, options, fmt::format("mlp.blk.{}.", layer)).fit();
}

}  // namespace synfire
