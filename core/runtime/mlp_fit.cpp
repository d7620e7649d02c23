#include "core/runtime/mlp_fit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "core/runtime/ffn_gates.hpp"
#include "core/runtime/fitted_tensor.hpp"
#include "core/sparsity/matrix_math.hpp"
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

// Stretches of rows by turns, each about a window: both parts see all of the text.
struct SplitRows {
  std::vector<float> tuning, unseen;

  SplitRows(std::span<const float> rows, std::size_t d_model) {
    const std::size_t stretch =
        std::clamp<std::size_t>(rows.size() / d_model / 2, 1, 256) * d_model;
    bool for_tuning = true;
    for (std::size_t at = 0; at < rows.size(); at += stretch, for_tuning = !for_tuning) {
      const auto part = rows.subspan(at, std::min(stretch, rows.size() - at));
      std::vector<float>& to = for_tuning ? tuning : unseen;
      to.insert(to.end(), part.begin(), part.end());
    }
  }
};

// How fc2 takes a bias for each neuron: the hidden units' combination that is nearest to 1, times
// the bias; and again for what rounding makes of it on the mean.
class Fc2Biases {
 public:
  Fc2Biases(const Mlp& mlp, std::span<const float> hidden)
      : rank_(mlp.rank), fc2_(mlp.fc2), one_(nearest_to_one(hidden, mlp.rank)), mean_(mlp.rank) {
    for (std::size_t i = 0; i < hidden.size(); ++i) mean_[i % rank_] += hidden[i];
    for (float& value : mean_)
      value *= static_cast<float>(rank_) / static_cast<float>(hidden.size());
  }

  void operator()(std::vector<float> biases, FittedLayer& layer) const {
    constexpr float kMost = 64;  // of log odds: never, or always
    for (float& bias : biases) bias = std::clamp(bias, -kMost, kMost);
    FittedLayer::Tensor& stored = layer.tensors[1];
    std::vector<float> fc2 = fc2_;
    add(biases, fc2);
    const std::vector<float> rounded = values_of(encoded(stored.name, stored.dtype, fc2, rank_));
    for (std::size_t j = 0; j < biases.size(); ++j) {
      double lost = 0;
      for (std::size_t k = 0; k < rank_; ++k)
        lost += double{mean_[k]} * (fc2[j * rank_ + k] - rounded[j * rank_ + k]);
      biases[j] = static_cast<float>(lost);
    }
    add(biases, fc2);
    stored = encoded(stored.name, stored.dtype, fc2, rank_);
  }

 private:
  void add(const std::vector<float>& biases, std::vector<float>& fc2) const {
    for (std::size_t i = 0; i < fc2.size(); ++i) fc2[i] += biases[i / rank_] * one_[i % rank_];
  }

  std::size_t rank_;
  std::vector<float> fc2_, one_, mean_;
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
    const SplitRows held_out(inputs.held_out.rows(), d_model_);
    tuning_ = measured(held_out.tuning);
    unseen_ = measured(held_out.unseen);
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

  void for_each_candidate(const std::function<bool(MlpCandidate)>& take) {
    MlpTrainer trainer({d_model_, gates_.n_neurons(), x_, fired_}, {});
    std::size_t epochs = kFirstEpochs + kLastEpochs;
    bool pays = true;
    for (std::size_t rank = options_.rank.value_or(step());
         pays && rank <= options_.rank.value_or(most_rank()); rank += step()) {
      trainer.grow(rank);
      trainer.run(epochs * repeats());
      epochs = kLastEpochs;  // what is there needs less than what is new
      pays = false;
      for (const DType dtype : fc2_dtypes(rank))
        if (take(candidate(trainer.mlp(), dtype))) pays = true;
    }
  }

 private:
  [[nodiscard]] std::size_t repeats() const {
    return std::max<std::size_t>(1, kManyRows / (x_.size() / d_model_));
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
    MlpTrainer best = trainer;
    for (std::size_t rank = step(); rank <= most_rank(); rank += step()) {
      trainer.grow(rank);
      trainer.run((rank == step() ? kFirstEpochs : kGrowthEpochs) * repeats());
      const double now = bytes(cheapest(trainer.mlp()));
      if (now >= least) break;
      least = now;
      best = trainer;
    }
    trainer = std::move(best);
  }

  [[nodiscard]] std::size_t step() const { return kBlock * (d_model_ / 1024 + 1); }
  [[nodiscard]] std::size_t most_rank() const {
    return std::max<std::size_t>(std::min<std::size_t>(d_model_, gates_.n_neurons()), step());
  }

  [[nodiscard]] MlpCandidate candidate(Mlp mlp, DType fc2_dtype) const {
    MlpCandidate made;
    made.layer.rank = static_cast<std::uint32_t>(mlp.rank);
    encode_fc1(mlp, made.layer);
    const std::vector<float> hidden = mlp.hidden(tuning_.x);
    made.add_biases = Fc2Biases(mlp, hidden);
    made.layer.tensors.push_back(encoded(prefix_ + "fc2.weight", fc2_dtype, mlp.fc2, mlp.rank));
    mlp.fc2 = values_of(made.layer.tensors[1]);
    made.seen_scores = mlp.scores_of_hidden(hidden);
    made.unseen_scores = mlp.scores(unseen_.x);
    return made;
  }
  // fc1 for the residual stream as it is, and what rounding leaves of it.
  void encode_fc1(Mlp& mlp, FittedLayer& layer) const {
    scale_.apply(mlp.fc1);
    layer.tensors.push_back(encoded(prefix_ + "fc1.weight", fc1_dtype(), mlp.fc1, d_model_));
    mlp.fc1 = values_of(layer.tensors[0]);
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
    encode_fc1(mlp, layer);
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

Status check_rows(std::uint32_t layer, const FfnInputs& inputs) {
  if (inputs.calibration.n_rows() > 0 && inputs.held_out.n_rows() >= 2) return {};
  return invalid_argument("layer {}: {} rows to train on and {} held out, want 1 and 2 at least",
                          layer, inputs.calibration.n_rows(), inputs.held_out.n_rows());
}

}  // namespace

Result<FfnInputs> mlp_held_out(const Program& program, const GgufFile& file, std::uint32_t layer,
                               const FfnInputs& inputs) {
  SYNFIRE_RETURN_IF_ERROR(check_rows(layer, inputs));
  SYNFIRE_ASSIGN_OR_RETURN(const FfnGates gates, FfnGates::make(program, file, layer));
  const SplitRows rows(inputs.held_out.rows(), gates.d_model());
  const std::size_t n = inputs.held_out.n_rows();
  FfnInputs normed(gates.d_model(), false, {n, n});
  normed.calibration.add(gates.normalized(rows.tuning));
  normed.held_out.add(gates.normalized(rows.unseen));
  return normed;
}

Status for_each_mlp(const Program& program, const GgufFile& file, std::uint32_t layer,
                    const FfnInputs& inputs, const PredictorFitOptions& options,
                    const std::function<bool(MlpCandidate)>& take) {
  SYNFIRE_RETURN_IF_ERROR(check_rows(layer, inputs));
  SYNFIRE_ASSIGN_OR_RETURN(const FfnGates gates, FfnGates::make(program, file, layer));
  MlpFit(gates, inputs, options, fmt::format("mlp.blk.{}.", layer)).for_each_candidate(take);
  return {};
}

Result<FittedLayer> fit_mlp_layer(const Program& program, const GgufFile& file, std::uint32_t layer,
                                  const FfnInputs& inputs, const PredictorFitOptions& options) {
  SYNFIRE_RETURN_IF_ERROR(check_rows(layer, inputs));
  SYNFIRE_ASSIGN_OR_RETURN(const FfnGates gates, FfnGates::make(program, file, layer));
  return MlpFit(gates, inputs, options, fmt::format("mlp.blk.{}.", layer)).fit();
}

}  // namespace synfire
