#include "core/runtime/predictor_fit.hpp"

#include <algorithm>
#include <utility>

#include "core/runtime/fitted_tensor.hpp"
#include "core/runtime/mlp_fit.hpp"
#include "core/runtime/predictor_sidecar.hpp"
#include "core/runtime/rank_choice.hpp"
#include "core/sparsity/matrix_math.hpp"

namespace synfire {
namespace {

// The scores of inputs [n, d_model] before the bias: [n, d_ff]. As the device will compute them,
// but for the rounding of its activations.
class Scorer {
 public:
  virtual ~Scorer() = default;
  [[nodiscard]] virtual std::vector<float> scores(std::span<const float> x) const = 0;
};

class SvdScorer final : public Scorer {
 public:
  SvdScorer(const FittedLayer::Tensor& a, const FittedLayer::Tensor& b)
      : a_(values_of(a)), b_(values_of(b)), d_model_(a.cols), rank_(b.cols) {}
  [[nodiscard]] std::vector<float> scores(std::span<const float> x) const override {
    return multiply_transposed(multiply_transposed(x, a_, d_model_), b_, rank_);
  }

 private:
  std::vector<float> a_, b_;
  std::size_t d_model_, rank_;
};

class SignScorer final : public Scorer {
 public:
  SignScorer(std::vector<float> gate, std::size_t d_model)
      : signs_(std::move(gate)), d_model_(d_model) {
    for (float& weight : signs_) weight = weight < 0 ? -1.0F : 1.0F;
  }
  [[nodiscard]] std::vector<float> scores(std::span<const float> x) const override {
    return multiply_transposed(x, signs_, d_model_);
  }

 private:
  std::vector<float> signs_;
  std::size_t d_model_;
};

std::vector<float> mean_moments(const FfnInputs& inputs) {
  std::vector<float> mean = inputs.moments;
  for (float& value : mean) value /= static_cast<float>(inputs.n_rows);
  return mean;
}

// What a layer's predictor is fitted to.
struct LayerGate {
  DType dtype;
  std::uint64_t d_ff, d_model;
  std::vector<float> weights;               // [d_ff, d_model]
  std::span<const float> x_seen, x_unseen;  // [n, d_model]
  std::vector<float> seen, unseen;          // their gates: [n, d_ff]
};

// Scores are fitted to the products alone; what fires is decided by the sums.
Status add_bias(const Program& program, const GgufFile& file, WeightId bias, LayerGate& gate) {
  if (bias == kNone) return {};
  const ProgramWeight& weight = program.weights[bias];
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor, file.require_tensor(weight.name));
  const std::vector<float> values = decoded(tensor->dtype, tensor->data.data(), 1, weight.cols);
  for (std::vector<float>* const gates : {&gate.seen, &gate.unseen})
    for (std::size_t i = 0; i < gates->size(); ++i) (*gates)[i] += values[i % gate.d_ff];
  return {};
}

Result<LayerGate> layer_gate(const Program& program, const GgufFile& file, std::uint32_t layer,
                             const FfnInputs& inputs) {
  const ProgramFfn& ffn = program.layers[layer].ffn;
  const ProgramWeight& weight = program.weights[ffn.gate == kNone ? ffn.up : ffn.gate];
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor, file.require_tensor(weight.name));
  LayerGate gate{tensor->dtype,
                 weight.rows,
                 weight.cols,
                 decoded(tensor->dtype, tensor->data.data(), weight.rows, weight.cols),
                 inputs.calibration.rows(),
                 inputs.held_out.rows(),
                 {},
                 {}};
  gate.seen = multiply_transposed(gate.x_seen, gate.weights, gate.d_model);
  gate.unseen = multiply_transposed(gate.x_unseen, gate.weights, gate.d_model);
  SYNFIRE_RETURN_IF_ERROR(add_bias(program, file, ffn.bias, gate));
  return gate;
}

// Some of the inputs and their gates: enough to count what is predicted.
struct SomeSeen {
  explicit SomeSeen(const LayerGate& gate)
      : n(std::min<std::size_t>(512, gate.seen.size() / gate.d_ff)),
        x(gate.x_seen.first(n * gate.d_model)),
        gates(std::span(gate.seen).first(n * gate.d_ff)) {}

  std::size_t n;
  std::span<const float> x, gates;
};

std::uint32_t choose_rank(const LowRank& fit, const LayerGate& gate, double recall) {
  const SomeSeen some(gate);
  // Ranks are multiples of 32, so rows of b can be int8.
  const std::uint64_t b_bytes = gate.d_ff * row_bytes(DType::q8_0, 32) / 32;
  const RankCost cost{row_bytes(least_dtype(gate.d_model), gate.d_model) + b_bytes,
                      row_bytes(gate.dtype, gate.d_model)};
  return cheapest_rank(fit, some.x, some.gates, gate.d_ff, recall, cost);
}

// b in the dtype by which a token reads least at that recall: fewer bytes of b against gates of
// neurons that do not fire, which rougher scores predict more of.
FittedLayer::Tensor encode_b(const std::string& name, const std::vector<float>& b,
                             std::uint32_t rank, const FittedLayer::Tensor& a,
                             const LayerGate& gate, double recall) {
  FittedLayer::Tensor half = encoded(name, DType::f16, b, rank);
  if (least_dtype(rank) == half.dtype) return half;
  FittedLayer::Tensor least = encoded(name, least_dtype(rank), b, rank);
  const SomeSeen some(gate);
  const auto bytes = [&](const FittedLayer::Tensor& tensor) {
    const std::vector<float> scores = SvdScorer(a, tensor).scores(some.x);
    const auto biases = calibrate_scores(scores, some.gates, gate.d_ff, recall);
    return static_cast<double>(tensor.data.size()) +
           measure_scores(scores, some.gates, biases).predicted *
               static_cast<double>(gate.d_ff * row_bytes(gate.dtype, gate.d_model));
  };
  return bytes(least) <= bytes(half) ? std::move(least) : std::move(half);
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

Result<std::unique_ptr<Scorer>> make_svd(const LayerGate& gate, const FfnInputs& inputs,
                                         const std::string& prefix,
                                         const PredictorFitOptions& options, FittedLayer& layer) {
  const std::vector<float> moments =
      options.wants_moments() ? mean_moments(inputs) : std::vector<float>();
  const auto widest = static_cast<std::uint32_t>(
      std::min<std::uint64_t>({kMaxChosenRank, gate.d_model, gate.d_ff}));
  const std::uint32_t fitted = options.rank.value_or(widest);
  SYNFIRE_ASSIGN_OR_RETURN(LowRank low_rank,
                           fit_low_rank(gate.weights, gate.d_model, moments, fitted));
  layer.rank = options.rank ? fitted : choose_rank(low_rank, gate, options.recall);
  low_rank.a.resize(layer.rank * gate.d_model);
  low_rank.b = first_columns(low_rank.b, fitted, layer.rank);
  layer.tensors.push_back(
      encoded(prefix + "a.weight", least_dtype(gate.d_model), low_rank.a, gate.d_model));
  layer.tensors.push_back(encode_b(prefix + "b.weight", low_rank.b, layer.rank, layer.tensors[0],
                                   gate, options.recall));
  return std::make_unique<SvdScorer>(layer.tensors[0], layer.tensors[1]);
}

Result<std::unique_ptr<Scorer>> make_scorer(const LayerGate& gate, const FfnInputs& inputs,
                                            const std::string& prefix,
                                            const PredictorFitOptions& options,
                                            FittedLayer& layer) {
  if (options.type == "signbit") return std::make_unique<SignScorer>(gate.weights, gate.d_model);
  return make_svd(gate, inputs, prefix, options, layer);
}

std::string layer_prefix(const PredictorFitOptions& options, std::size_t layer) {
  return fmt::format("{}.blk.{}.", options.type, layer);
}

GgufHeader header_of(const std::vector<FittedLayer>& layers, const PredictorFitOptions& options) {
  GgufHeader header = sidecar_header(options.type);
  header.set("synfire.predictor.recall", options.recall);  // that was wanted
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const PredictionQuality& quality = layers[i].quality;
    const std::string prefix = layer_prefix(options, i);
    header.set(prefix + "recall", quality.recall);
    header.set(prefix + "precision", quality.precision);
    header.set(prefix + "predicted", quality.predicted);
    header.set(prefix + "fired", quality.fired);
  }
  return header;
}

}  // namespace

Status check_predictor_fit(const Program& program, const PredictorFitOptions& options) {
  const Hparams& h = program.hparams;
  if (!is_relu_family(h.activation))
    return invalid_argument("predictor fit: the model's activation is {}, want a ReLU family",
                            activation_name(h.activation));
  if (options.type != "svd" && options.type != "signbit" && options.type != "mlp")
    return invalid_argument("predictor type: '{}', want svd, mlp or signbit", options.type);
  const std::uint32_t most = std::min(h.d_model, h.d_ff);
  if (options.rank && (*options.rank == 0 || *options.rank > most))
    return invalid_argument("rank: {}, want 1 to {}, the gates' own", *options.rank, most);
  if (!(options.recall > 0 && options.recall <= 1))
    return invalid_argument("recall: {}, want over 0 and at most 1", options.recall);
  return {};
}

Result<FittedLayer> fit_predictor_layer(const Program& program, const GgufFile& file,
                                        std::uint32_t layer, const FfnInputs& inputs,
                                        const PredictorFitOptions& options) {
  if (options.type == "mlp") return fit_mlp_layer(program, file, layer, inputs, options);
  SYNFIRE_ASSIGN_OR_RETURN(const LayerGate gate, layer_gate(program, file, layer, inputs));
  const std::string prefix = layer_prefix(options, layer);
  FittedLayer fitted;
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Scorer> scorer,
                           make_scorer(gate, inputs, prefix, options, fitted));
  const std::vector<float> biases =
      calibrate_scores(scorer->scores(gate.x_seen), gate.seen, gate.d_ff, options.recall);
  fitted.quality = measure_scores(scorer->scores(gate.x_unseen), gate.unseen, biases);
  fitted.tensors.push_back(vector_of(prefix + "bias", biases));
  return fitted;
}

Status write_predictor(const std::filesystem::path& path, const std::vector<FittedLayer>& layers,
                       const PredictorFitOptions& options) {
  return write_sidecar(path, header_of(layers, options), layers);
}

}  // namespace synfire
