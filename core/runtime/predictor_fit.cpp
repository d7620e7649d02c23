#include "core/runtime/predictor_fit.hpp"

#include <algorithm>
#include <utility>

#include "core/runtime/fitted_tensor.hpp"
#include "core/runtime/layer_scorers.hpp"
#include "core/runtime/mlp_fit.hpp"
#include "core/runtime/predictor_sidecar.hpp"

namespace synfire {
namespace {

std::string layer_prefix(const PredictorFitOptions& options, std::size_t layer) {
  return fmt::format("{}.blk.{}.", options.type, layer);
}

GgufHeader header_of(const std::vector<FittedLayer>& layers, const PredictorFitOptions& options) {
  GgufHeader header = sidecar_header(options.type);
  if (options.model != 0) header.set("synfire.predictor.model", options.model);
  // What was wanted.
  if (options.max_loss)
    header.set("synfire.predictor.max_loss", *options.max_loss);
  else
    header.set("synfire.predictor.recall", options.recall);
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

// Keeps the scorer that reads least at a recall.
class LeastAtRecall {
 public:
  LeastAtRecall(const LayerGates& gates, double recall) : gates_(gates), recall_(recall) {}

  bool take(LayerScorer scorer) {
    const std::vector<float> scores = scorer.scores(gates_.seen.x);
    std::vector<float> biases = calibrate_scores(scores, gates_.seen.gates, gates_.d_ff, recall_);
    const double bytes = static_cast<double>(scorer.bytes()) +
                         measure_scores(scores, gates_.seen.gates, biases).predicted *
                             static_cast<double>(gates_.d_ff) * gates_.asked_bytes;
    if (best_ && bytes >= bytes_) return false;
    bytes_ = bytes;
    best_ = std::move(scorer);
    biases_ = std::move(biases);
    return true;
  }

  [[nodiscard]] FittedLayer finish(const std::string& prefix) && {
    FittedLayer layer;
    layer.quality = measure_scores(best_->scores(gates_.unseen.x), gates_.unseen.gates, biases_);
    layer.rank = best_->rank();
    layer.tensors = std::move(*best_).take_tensors();
    layer.tensors.push_back(vector_of(prefix + "bias", biases_));
    return layer;
  }

 private:
  const LayerGates& gates_;
  double recall_, bytes_ = 0;
  std::optional<LayerScorer> best_;
  std::vector<float> biases_;
};

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
  if (options.max_loss && !(*options.max_loss > 0 && *options.max_loss <= 1))
    return invalid_argument("loss: {}, want over 0 and at most 1", *options.max_loss);
  return {};
}

Result<FittedLayer> fit_predictor_layer(const Program& program, const GgufFile& file,
                                        std::uint32_t layer, const FfnInputs& inputs,
                                        const PredictorFitOptions& options) {
  if (options.type == "mlp") return fit_mlp_layer(program, file, layer, inputs, options);
  SYNFIRE_ASSIGN_OR_RETURN(const LayerGates gates, LayerGates::make(program, file, layer, inputs));
  LeastAtRecall least(gates, options.recall);
  SYNFIRE_RETURN_IF_ERROR(for_each_scorer(gates, inputs, layer, options, [&](LayerScorer scorer) {
    return least.take(std::move(scorer));
  }));
  return std::move(least).finish(layer_prefix(options, layer));
}

Result<GgufWriter> staged_predictor(const std::filesystem::path& path,
                                    const std::vector<FittedLayer>& layers,
                                    const PredictorFitOptions& options) {
  return staged_sidecar(path, header_of(layers, options), layers);
}

Status write_predictor(const std::filesystem::path& path, const std::vector<FittedLayer>& layers,
                       const PredictorFitOptions& options) {
  return write_sidecar(path, header_of(layers, options), layers);
}

}  // namespace synfire
