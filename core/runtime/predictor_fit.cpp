#include "core/runtime/predictor_fit.hpp"

#include <array>
#include <system_error>
#include <utility>

#include "core/model/gguf_writer.hpp"
#include "core/sparsity/matrix_math.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

// Rows as floats, whatever the dtype.
std::vector<float> decoded(DType dtype, const std::byte* data, std::uint64_t rows,
                           std::uint64_t cols) {
  std::vector<float> values(rows * cols);
  for (std::uint64_t r = 0; r < rows; ++r)
    dequantize_row(dtype, data + r * row_bytes(dtype, cols), cols, values.data() + r * cols);
  return values;
}

// Int8 where rows are whole blocks of it.
FittedLayer::Tensor encoded(std::string name, const std::vector<float>& values,
                            std::uint64_t cols) {
  const DType dtype = cols % dtype_info(DType::q8_0).block_size == 0 ? DType::q8_0 : DType::f16;
  FittedLayer::Tensor tensor{std::move(name), dtype, values.size() / cols, cols, {}};
  tensor.data.resize(tensor.rows * row_bytes(dtype, cols));
  for (std::uint64_t r = 0; r < tensor.rows; ++r)
    quantize_row(dtype, values.data() + r * cols, cols,
                 tensor.data.data() + r * row_bytes(dtype, cols));
  return tensor;
}

FittedLayer::Tensor vector_of(std::string name, const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {std::move(name), DType::f32, 1, values.size(), {bytes.begin(), bytes.end()}};
}

std::vector<float> values_of(const FittedLayer::Tensor& tensor) {
  return decoded(tensor.dtype, tensor.data.data(), tensor.rows, tensor.cols);
}

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

Result<std::unique_ptr<Scorer>> make_scorer(const std::vector<float>& gate, std::uint32_t d_model,
                                            const FfnInputs& inputs, const std::string& prefix,
                                            const PredictorFitOptions& options,
                                            FittedLayer& layer) {
  if (options.type == "signbit") return std::make_unique<SignScorer>(gate, d_model);
  const std::vector<float> moments = options.whiten ? mean_moments(inputs) : std::vector<float>();
  SYNFIRE_ASSIGN_OR_RETURN(const LowRank low_rank,
                           fit_low_rank(gate, d_model, moments, options.rank));
  layer.tensors.push_back(encoded(prefix + "a.weight", low_rank.a, d_model));
  layer.tensors.push_back(encoded(prefix + "b.weight", low_rank.b, options.rank));
  return std::make_unique<SvdScorer>(layer.tensors[0], layer.tensors[1]);
}

std::string layer_prefix(const PredictorFitOptions& options, std::size_t layer) {
  return fmt::format("{}.blk.{}.", options.type, layer);
}

GgufHeader header_of(const std::vector<FittedLayer>& layers, const PredictorFitOptions& options) {
  GgufHeader header;
  header.set("general.architecture", "synfire-predictor");
  header.set("synfire.predictor.type", options.type);
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
  if (options.type != "svd" && options.type != "signbit")
    return invalid_argument("predictor type: '{}', want svd or signbit", options.type);
  if (options.rank == 0 || options.rank > h.d_model)
    return invalid_argument("rank: {}, want 1 to d_model {}", options.rank, h.d_model);
  if (!(options.recall > 0 && options.recall <= 1))
    return invalid_argument("recall: {}, want over 0 and at most 1", options.recall);
  return {};
}

Result<FittedLayer> fit_predictor_layer(const Program& program, const GgufFile& file,
                                        std::uint32_t layer, const FfnInputs& inputs,
                                        const PredictorFitOptions& options) {
  const ProgramFfn& ffn = program.layers[layer].ffn;
  const ProgramWeight& weight = program.weights[ffn.gate == kNone ? ffn.up : ffn.gate];
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor, file.require_tensor(weight.name));
  const auto d_model = static_cast<std::uint32_t>(weight.cols);
  const std::vector<float> gate =
      decoded(tensor->dtype, tensor->data.data(), weight.rows, weight.cols);
  const std::string prefix = layer_prefix(options, layer);
  FittedLayer fitted;
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Scorer> scorer,
                           make_scorer(gate, d_model, inputs, prefix, options, fitted));
  const std::span<const float> seen = inputs.calibration.rows(), unseen = inputs.held_out.rows();
  const std::vector<float> biases = calibrate_scores(
      scorer->scores(seen), multiply_transposed(seen, gate, d_model), weight.rows, options.recall);
  fitted.quality =
      measure_scores(scorer->scores(unseen), multiply_transposed(unseen, gate, d_model), biases);
  fitted.tensors.push_back(vector_of(prefix + "bias", biases));
  return fitted;
}

Status write_predictor(const std::filesystem::path& path, const std::vector<FittedLayer>& layers,
                       const PredictorFitOptions& options) {
  GgufHeader header = header_of(layers, options);
  for (const FittedLayer& layer : layers)
    for (const FittedLayer::Tensor& tensor : layer.tensors) {
      const std::array<std::uint64_t, 2> shape{tensor.cols, tensor.rows};
      SYNFIRE_RETURN_IF_ERROR(header.add_tensor(tensor.name, tensor.dtype,
                                                std::span(shape).first(tensor.rows == 1 ? 1 : 2)));
    }
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed)
    return error(StatusCode::failed_precondition, "{}: {}", path.parent_path().string(),
                 failed.message());
  SYNFIRE_ASSIGN_OR_RETURN(GgufWriter writer, GgufWriter::create(path, std::move(header)));
  for (const FittedLayer& layer : layers)
    for (const FittedLayer::Tensor& tensor : layer.tensors)
      SYNFIRE_RETURN_IF_ERROR(writer.write(tensor.name, tensor.data));
  return writer.finish();
}

}  // namespace synfire
