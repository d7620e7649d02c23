#include "core/runtime/dense_layers.hpp"

#include <optional>

#include <fmt/format.h>

#include "core/runtime/plan_weights.hpp"

namespace synfire {
namespace {

// FFNs that are no larger stay in the processor's own caches from token to token.
constexpr double kCacheBytes = 2 << 20;

double weight_bytes(const Program& program, const GgufFile& model, WeightId id) {
  if (id == kNone) return 0;
  const GgufTensor* const tensor = model.tensor(program.weights[id].name);
  return tensor == nullptr ? 0 : static_cast<double>(tensor->data.size());
}

// Of `down` as plans lay it out where neurons are read one by one.
double down_apart_bytes(const Program& program, const GgufFile& model, const ProgramFfn& ffn) {
  const double bytes = weight_bytes(program, model, ffn.down);
  const GgufTensor* const tensor = model.tensor(program.weights[ffn.down].name);
  if (ffn.down_is_neuron_major || tensor == nullptr) return bytes;
  const Hparams& h = program.hparams;
  return static_cast<double>(h.d_ff *
                             row_bytes(neuron_major_dtype(program, tensor->dtype), h.d_model));
}

// Of all layers' matrices.
double all_ffn_bytes(const Program& program, const GgufFile& model) {
  double bytes = 0;
  for (const ProgramLayer& layer : program.layers)
    for (const WeightId id : {layer.ffn.gate, layer.ffn.up, layer.ffn.down})
      bytes += weight_bytes(program, model, id);
  return bytes;
}

// A number that a file states; none where it does not.
Result<std::optional<double>> number_in(const GgufFile& file, const std::string& key) {
  if (file.find(key) == nullptr) return std::optional<double>();
  SYNFIRE_ASSIGN_OR_RETURN(const double share, file.get<double>(key));
  return std::optional(share);
}

// What is known of a layer; no number where nothing is.
Result<std::optional<FfnShares>> shares_of(std::uint32_t layer, const GgufFile& model,
                                           const GgufFile* sidecar,
                                           const PredictorProgram& predictor) {
  const bool exact = predictor.computes_gates(layer);
  std::string asked_key = "synfire.activity.predicted_share";
  std::string active_key = "synfire.activity.active_share";
  // A predictor that knows no recall of its own is not the one that the sidecar was made of.
  const bool fitted = sidecar != nullptr && (exact || predictor.layers[layer].recall >= 0);
  const bool drops = predictor.kind == Prediction::plugin && predictor.layers[layer].drops();
  if (drops && !fitted) return std::optional<FfnShares>();
  if (fitted) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::string type,
                             sidecar->get_or<std::string>("synfire.predictor.type", ""));
    if (drops) {  // its share is that of the threshold that was fitted
      SYNFIRE_ASSIGN_OR_RETURN(
          const std::optional<double> threshold,
          number_in(*sidecar, fmt::format("{}.blk.{}.threshold", type, layer)));
      if (!threshold || static_cast<float>(*threshold) != predictor.layers[layer].gate_threshold)
        return std::optional<FfnShares>();
    }
    asked_key = fmt::format("{}.blk.{}.predicted", type, layer);
    active_key = fmt::format("{}.blk.{}.fired", type, layer);
  }
  const GgufFile& file = fitted ? *sidecar : model;
  std::optional<double> asked = 1.0;
  if (!exact) {
    SYNFIRE_ASSIGN_OR_RETURN(asked, number_in(file, asked_key));
  }
  SYNFIRE_ASSIGN_OR_RETURN(const std::optional<double> active, number_in(file, active_key));
  if (!asked || !active) return std::optional<FfnShares>();
  const bool verified = exact || predictor.layers[layer].gate_rule != SF_GATE_NONE;
  return std::optional(FfnShares{*asked, verified ? *active : *asked});
}

}  // namespace

FfnBytes ffn_bytes(const Program& program, const GgufFile& model, const PredictorProgram& predictor,
                   std::uint32_t layer) {
  const ProgramFfn& ffn = program.layers[layer].ffn;
  FfnBytes bytes{0, weight_bytes(program, model, ffn.gate), weight_bytes(program, model, ffn.up),
                 weight_bytes(program, model, ffn.down), down_apart_bytes(program, model, ffn)};
  if (predictor.kind == Prediction::plugin)
    bytes.predictor = static_cast<double>(predictor.layers[layer].bytes_per_token);
  return bytes;
}

Result<std::vector<bool>> find_dense_layers(const Program& program, const GgufFile& model,
                                            const GgufFile* sidecar,
                                            const PredictorProgram& predictor) {
  std::vector<bool> dense(program.layers.size(), false);
  const bool in_cache = all_ffn_bytes(program, model) <= kCacheBytes;
  for (std::uint32_t layer = 0; layer < dense.size(); ++layer) {
    const FfnBytes bytes = ffn_bytes(program, model, predictor, layer);
    const FfnRows rows{static_cast<double>(program.hparams.d_ff),
                       program.layers[layer].ffn.down_is_neuron_major, in_cache};
    SYNFIRE_ASSIGN_OR_RETURN(const std::optional<FfnShares> shares,
                             shares_of(layer, model, sidecar, predictor));
    dense[layer] = shares && dense_pays(bytes, *shares, rows);
  }
  return dense;
}

}  // namespace synfire
