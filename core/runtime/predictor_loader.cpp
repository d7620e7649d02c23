#include "core/runtime/predictor_loader.hpp"

#include <cstring>
#include <utility>

namespace synfire {
namespace {

// The parameter struct of an op of a predictor, whose size the host has checked against the op
// table.
Result<OpParams> copy_params(const sf_op& op) {
  const auto copy = [&]<typename Params>(Params params) -> OpParams {
    std::memcpy(&params, op.params, sizeof params);
    return params;
  };
  switch (op.id) {
    case SF_OP_LINEAR:
    case SF_OP_SIGN_LINEAR:
    case SF_OP_ADD:
    case SF_OP_ADD_ROW:
    case SF_OP_COPY: return OpParams(sf_no_params{});
    case SF_OP_RMS_NORM:
    case SF_OP_LAYER_NORM: return copy(sf_norm_params{});
    case SF_OP_ACTIVATE: return copy(sf_activate_params{});
    default: return error(StatusCode::unimplemented, "op {} has no place in a predictor", op.id);
  }
}

Result<PredictorLayer> convert(const sf_predictor_layer& from, std::uint32_t d_ff) {
  PredictorLayer layer;
  layer.tap = from.tap;
  layer.gate_rule = from.gate_rule;
  layer.gate_threshold = from.gate_threshold;
  if (from.gate_weights != nullptr) layer.gate_weights = {from.gate_weights, d_ff};
  layer.score_threshold = from.score_threshold;
  layer.values.assign(from.values, from.values + from.n_values);
  layer.scores = from.scores;
  layer.recall = from.recall;
  layer.precision = from.precision;
  layer.bytes_per_token = from.bytes_per_token;
  for (std::uint32_t i = 0; i < from.n_tensors; ++i) {
    const sf_tensor_desc& tensor = from.tensors[i];
    layer.weights.push_back({tensor.name, static_cast<DType>(tensor.dtype), tensor.rows,
                             tensor.cols, static_cast<const std::byte*>(tensor.data), false});
  }
  for (std::uint32_t i = 0; i < from.n_ops; ++i) {
    const sf_op& op = from.ops[i];
    SYNFIRE_ASSIGN_OR_RETURN(const OpParams params, copy_params(op));
    layer.ops.push_back({op.id,
                         {op.inputs, op.inputs + op.n_inputs},
                         {op.outputs, op.outputs + op.n_outputs},
                         {op.weights, op.weights + op.n_weights},
                         params});
  }
  return layer;
}

}  // namespace

Result<PredictorProgram> load_predictor(host::Predictor& predictor, std::uint32_t n_layers,
                                        const double* threshold) {
  PredictorProgram program{Prediction::plugin, predictor.name(), {}};
  for (std::uint32_t layer = 0; layer < n_layers; ++layer) {
    SYNFIRE_ASSIGN_OR_RETURN(const sf_predictor_layer described, predictor.describe_layer(layer));
    Result<PredictorLayer> converted = convert(described, predictor.d_ff());
    if (!converted.ok())
      return converted.status().with_context(
          fmt::format("predictor {}: layer {}", predictor.name(), layer));
    if (threshold != nullptr) {
      float& moved = converted->guesses() ? converted->score_threshold : converted->gate_threshold;
      moved = static_cast<float>(*threshold);
    }
    program.layers.push_back(*std::move(converted));
  }
  return program;
}

}  // namespace synfire
