#include "plugins/host/predictor_check.hpp"

#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "plugins/sdk/dtype.hpp"
#include "plugins/sdk/op_check.hpp"
#include "plugins/sdk/ops.h"

namespace synfire::host {
namespace {

Status check_list(const void* list, std::uint32_t count, std::string_view what) {
  if (count == 0 || list != nullptr) return {};
  return invalid_argument("{} {} but no list of them", count, what);
}

Status check_head(const sf_predictor_layer& layer) {
  if (layer.tap < SF_TAP_LAYER_INPUT || layer.tap > SF_TAP_PREVIOUS_FFN_INPUT)
    return invalid_argument("tap {}, want {} to {}", layer.tap,
                            static_cast<std::uint32_t>(SF_TAP_LAYER_INPUT),
                            static_cast<std::uint32_t>(SF_TAP_PREVIOUS_FFN_INPUT));
  if (layer.gate_rule > SF_GATE_ABS_ABOVE)
    return invalid_argument("gate rule {}, want at most {}", layer.gate_rule,
                            static_cast<std::uint32_t>(SF_GATE_ABS_ABOVE));
  if (std::isnan(layer.gate_threshold) || std::isnan(layer.score_threshold))
    return invalid_argument("a threshold is not a number");
  SYNFIRE_RETURN_IF_ERROR(check_list(layer.values, layer.n_values, "values"));
  SYNFIRE_RETURN_IF_ERROR(check_list(layer.ops, layer.n_ops, "ops"));
  return check_list(layer.tensors, layer.n_tensors, "tensors");
}

Status check_gate_weights(const float* weights, std::uint32_t d_ff) {
  if (weights == nullptr) return {};
  for (std::uint32_t i = 0; i < d_ff; ++i)
    if (!(weights[i] >= 0))
      return invalid_argument("gate weight {} of neuron {}, want at least 0", weights[i], i);
  return {};
}

// Whether the gate rule decides on its own.
bool guesses_nothing(const sf_predictor_layer& layer) {
  return layer.scores == SF_NONE && layer.n_ops == 0;
}

Status check_values(const sf_predictor_layer& layer, std::uint32_t d_model, std::uint32_t d_ff) {
  if (layer.scores >= layer.n_values)
    return invalid_argument("scores are value {}, want one of {} values", layer.scores,
                            layer.n_values);
  for (std::uint32_t i = 0; i < layer.n_values; ++i)
    if (layer.values[i].kind != SF_VALUE_ROWS || layer.values[i].width == 0)
      return invalid_argument("value {} of kind {} and width {}, want rows of some width", i,
                              layer.values[i].kind, layer.values[i].width);
  if (layer.values[0].width != d_model)
    return invalid_argument("the tap has width {}, want {}", layer.values[0].width, d_model);
  if (layer.values[layer.scores].width != d_ff)
    return invalid_argument("scores have width {}, want {}", layer.values[layer.scores].width,
                            d_ff);
  return {};
}

Status check_tensor(const sf_tensor_desc& tensor, std::uint32_t index) {
  if (tensor.name == nullptr || tensor.data == nullptr)
    return invalid_argument("tensor {} lacks its {}", index,
                            tensor.name == nullptr ? "name" : "data");
  const DTypeInfo* const dtype = find_dtype(tensor.dtype);
  if (dtype == nullptr || !is_device_dtype(*dtype))
    return invalid_argument("tensor {}: dtype {} is no weight's", tensor.name, tensor.dtype);
  if (tensor.rows == 0 || tensor.cols == 0 || tensor.cols % dtype->block_size != 0)
    return invalid_argument("tensor {}: shape [{}, {}], want rows of whole blocks of {}",
                            tensor.name, tensor.rows, tensor.cols, dtype->block_size);
  return {};
}

Status check_op_counts(const sf_op& op, const sdk::OpInfo& want) {
  if (op.n_inputs != want.n_inputs || op.n_outputs != want.n_outputs ||
      op.n_weights != want.n_weights)
    return invalid_argument("{} inputs, {} outputs, {} weights, want {}, {}, {}", op.n_inputs,
                            op.n_outputs, op.n_weights, want.n_inputs, want.n_outputs,
                            want.n_weights);
  if (op.params == nullptr || op.params_size != want.params_size)
    return invalid_argument("parameters of {} bytes, want {}",
                            op.params == nullptr ? 0 : op.params_size, want.params_size);
  SYNFIRE_RETURN_IF_ERROR(check_list(op.inputs, op.n_inputs, "inputs"));
  SYNFIRE_RETURN_IF_ERROR(check_list(op.outputs, op.n_outputs, "outputs"));
  return check_list(op.weights, op.n_weights, "weights");
}

// Follows which values are written, op by op.
class Operands {
 public:
  explicit Operands(const sf_predictor_layer& layer)
      : layer_(layer), written_(layer.n_values, false) {
    written_[0] = true;  // the tap
  }

  Status add(const sf_op& op) {
    for (const std::uint32_t input : std::span(op.inputs, op.n_inputs))
      if (input != SF_NONE && !is_written(input))
        return invalid_argument("input {} is not written before", input);
    for (const std::uint32_t weight : std::span(op.weights, op.n_weights))
      if (weight != SF_NONE && weight >= layer_.n_tensors)
        return invalid_argument("weight {}, want one of {} tensors", weight, layer_.n_tensors);
    for (const std::uint32_t output : std::span(op.outputs, op.n_outputs)) {
      if (output >= layer_.n_values || written_[output])
        return invalid_argument("output {} is {}", output,
                                output >= layer_.n_values ? "no value" : "written twice");
      written_[output] = true;
    }
    return {};
  }
  [[nodiscard]] bool is_written(std::uint32_t value) const {
    return value < layer_.n_values && written_[value];
  }

 private:
  const sf_predictor_layer& layer_;
  std::vector<bool> written_;
};

Status check_op(const sf_op& op, Operands& operands) {
  const sdk::OpInfo* const want = sdk::find_op(op.id);
  if (want == nullptr) return invalid_argument("unknown op {}", op.id);
  const bool stateful =
      want->uses_neurons || want->uses_kv || op.neurons != SF_NONE || op.kv != SF_NONE;
  if (stateful || op.id == SF_OP_EMBED)
    return invalid_argument("{} is no op of a predictor: it uses more than the tap", want->name);
  SYNFIRE_RETURN_IF_ERROR(check_op_counts(op, *want).with_context(want->name));
  return operands.add(op).with_context(want->name);
}

}  // namespace

Status check_predictor_layer(const sf_predictor_layer& layer, std::uint32_t d_model,
                             std::uint32_t d_ff) {
  SYNFIRE_RETURN_IF_ERROR(check_head(layer));
  SYNFIRE_RETURN_IF_ERROR(check_gate_weights(layer.gate_weights, d_ff));
  if (guesses_nothing(layer)) return {};
  SYNFIRE_RETURN_IF_ERROR(check_values(layer, d_model, d_ff));
  for (std::uint32_t i = 0; i < layer.n_tensors; ++i)
    SYNFIRE_RETURN_IF_ERROR(check_tensor(layer.tensors[i], i));
  Operands operands(layer);
  for (std::uint32_t i = 0; i < layer.n_ops; ++i)
    SYNFIRE_RETURN_IF_ERROR(check_op(layer.ops[i], operands).with_context(fmt::format("op {}", i)));
  if (!operands.is_written(layer.scores)) return invalid_argument("no op writes the scores");
  return {};
}

}  // namespace synfire::host
